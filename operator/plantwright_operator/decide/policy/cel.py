"""The one place that knows the CEL library (cel-expr-python, the C++ reference implementation with a Python face).

Compiled text is bounded before it comes here; what it may cost is judged in `analysis`. All variables are dynamic, as
they are in a ValidatingAdmissionPolicy.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

VARIABLES = ("object", "plant", "profile", "contracts")
ResultType = Literal["bool", "string"]
STRINGS_VERSION = 2
"""Version of the string extension that Kubernetes has."""

_RESULTS = {"bool": cel.Type.BOOL, "string": cel.Type.STRING}
_PLACE = re.compile(r"^\s*\|.*$", re.MULTILINE)
_CODE = re.compile(r"^[A-Z_]+: |ERROR: <input>:-?\d+:-?\d+: | \[[A-Z_]+\]$")
_UNDECLARED = re.compile(r"(undeclared reference to '.*') \(in container ''\)")
_KEY_MISSING = re.compile(r'Key not found in map : "(.*)"')


class CompileError(ValueError):
    """The text is no expression of the wanted type; the message says what is wrong with it."""


class EvaluationError(ValueError):
    """The expression has no result for this object, such as where a field is missing."""


class Bindings:
    """Values of the variables, converted once for all programs that are run over them."""

    def __init__(self, values: Mapping[str, Any], variables: tuple[str, ...] = VARIABLES) -> None:
        self.activation = _environment(variables).Activation(dict(values))


class Program:
    """A compiled expression. `serialized` is its checked tree as a `cel.expr.CheckedExpr` message, for `tree`."""

    def __init__(self, text: str, expression: cel.Expression) -> None:
        self.text = text
        self.serialized: bytes = expression.serialize()
        self._expression = expression

    def run(self, bindings: Bindings) -> bool | str:
        """The result.

        Raises:
            EvaluationError: there is none; the message says why in a few words.
        """
        try:
            result = self._expression.eval(bindings.activation)
        except RuntimeError as error:
            raise EvaluationError(_plain(str(error))) from error
        value = result.value()
        if result.type() == cel.Type.ERROR or not isinstance(value, bool | str):
            raise EvaluationError(_plain(str(value)))
        return value


def compile_text(text: str, wanted: ResultType, variables: tuple[str, ...] = VARIABLES) -> Program:
    """Compile an expression over these variables.

    Raises:
        CompileError: it does not parse, names what is not there, or its result is of another type.
    """
    try:
        expression = _environment(variables).compile(text)
    except RuntimeError as error:
        raise CompileError(_plain(str(error))) from error
    found = expression.return_type()
    if found != _RESULTS[wanted]:
        name = found.name().lower()
        cure = " (compare it, as in `object.spec.suspend == true`)" if wanted == "bool" and name == "dyn" else ""
        raise CompileError(f"its result must be a {wanted} and is {name}{cure}")
    return Program(text, expression)


def parses(text: str) -> bool:
    """Whether the text is an expression of whatever type."""
    try:
        _environment().compile(text)
    except RuntimeError:
        return False
    return True


def check_pattern(pattern: str) -> None:
    """Try a regular expression once, so that a wrong one is found when it is written.

    Raises:
        CompileError: it is none.
    """
    program = Program("", _environment().compile(f"''.matches({quoted(pattern)})"))
    try:
        program.run(Bindings({}))
    except EvaluationError as error:
        raise CompileError(str(error)) from error


def quoted(text: str) -> str:
    """The text as a CEL string literal."""
    escaped = "".join(c if c.isprintable() and c not in "\\'" else f"\\u{ord(c):04x}" for c in text)
    return f"'{escaped}'"


@cache
def _environment(variables: tuple[str, ...] = VARIABLES) -> cel.Env:
    extensions = [ext_strings.ExtStrings(STRINGS_VERSION), ext_optional.ExtOptional()]
    return cel.NewEnv(variables=dict.fromkeys(variables, cel.Type.DYN), extensions=extensions)


def _plain(message: str) -> str:
    """The library's sentence without its codes, places and drawings."""
    message = _PLACE.sub("", message)
    while (shorter := _CODE.sub("", message.strip())) != message:
        message = shorter
    undeclared = _UNDECLARED.search(message)
    if undeclared:
        return f"{undeclared.group(1)}; there is object, for some kinds {', '.join(VARIABLES[1:])}, and the functions of CEL"
    missing = _KEY_MISSING.search(message)
    if missing:
        return f"no such field: {missing.group(1)}"
    return " ".join(message.split())
