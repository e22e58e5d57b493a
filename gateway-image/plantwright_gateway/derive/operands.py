"""How expressions see a signal: its own scale, names and type, not yet in the unit of a contract."""

from typing import Final

from plantwright_api.wire.config import Operand, Signal
from plantwright_api.wire.delivery import Scalar
from plantwright_gateway.check import reasons
from plantwright_gateway.check.values import READERS, RefusedError, Step, code_of, scaler

LONGEST_TEXT: Final = 64 * 1024
"""Characters of a text that expressions look into."""


def reader(signal: Signal, operand: Operand) -> Step:
    """A raw value in, the operand out; a code without a name is its own text.

    The step raises `RefusedError` for what is not of the operand's type.
    """
    if signal.values:
        names = signal.values
        return lambda raw: names.get(code := code_of(raw), code)
    typed = _text if operand.type == "String" else READERS[operand.type]
    if operand.scale == 1 and operand.offset == 0:
        return typed
    scale = scaler(operand.scale, operand.offset)
    return lambda raw: typed(scale(raw))


def _text(raw: Scalar) -> Scalar:
    if isinstance(raw, str) and len(raw) > LONGEST_TEXT:
        raise RefusedError(reasons.TOO_LONG)
    return READERS["String"](raw)
