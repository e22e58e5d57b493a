"""The expressions of a machine, compiled once and put in the order in which they can be computed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from plantwright_api.expression import ExpressionError, compile_expression
from plantwright_api.wire.config import Signal
from plantwright_api.wire.delivery import Scalar


class DerivationError(ValueError):
    """An expression cannot be used; the message names its signal."""


class Formula(NamedTuple):
    """A signal, the signals that its expression names, and the function over their values in the same order."""

    signal: str
    operands: tuple[str, ...]
    run: Callable[..., Scalar]


def compiled(signals: Sequence[Signal]) -> tuple[Formula, ...]:
    """The formulas of all signals that have an expression, operands before what needs them.

    Raises:
        DerivationError: an expression cannot be compiled, or expressions go in a circle.
    """
    types = {signal.name: signal.operand.type for signal in signals if signal.operand is not None}
    formulas = {s.name: _formula(s.name, s.expression, types) for s in signals if s.expression is not None}
    try:
        order = list(TopologicalSorter({f.signal: f.operands for f in formulas.values()}).static_order())
    except CycleError as error:
        raise DerivationError(f"signals {', '.join(error.args[1])}: their expressions go in a circle") from error
    return tuple(formulas[name] for name in order if name in formulas)


def _formula(signal: str, text: str, types: Mapping[str, str]) -> Formula:
    try:
        expression = compile_expression(text, types, noun="signal")
    except ExpressionError as error:
        raise DerivationError(f"signal {signal}: expression: {error}") from error
    return Formula(signal, expression.fields, expression.run)


def origins(formulas: Iterable[Formula]) -> dict[str, tuple[str, ...]]:
    """Per formula the signals that it rests on in the end, which are read and not computed."""
    found: dict[str, tuple[str, ...]] = {}
    for formula in formulas:
        rests = [origin for operand in formula.operands for origin in found.get(operand, (operand,))]
        found[formula.signal] = tuple(dict.fromkeys(rests))
    return found
