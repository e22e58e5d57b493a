"""A typed tree in, a Python function out.

The function's source is put together from the fixed pieces of this file: fields are numbered, texts go through `repr`, so
nothing that a user wrote is ever Python. It sees no builtins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from plantwright_api.expression import syntax
from plantwright_api.expression.errors import ExpressionError
from plantwright_api.expression.functions import FUNCTIONS, finite, joined, remainder, whole
from plantwright_api.expression.typing import Type, Types

Value = bool | int | float | str | None
_CHAINED: Final = frozenset({"+", "-", "*"})
"""Infinity and large Integers survive these, so that one check at the end of a chain of them is enough."""
_PYTHON: Final = {"&&": "and", "||": "or"}
_CHECKS: Final = {"Integer": "whole", "Number": "finite"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    `run` takes the values of `fields` in their order, each of its field's type, and returns a value of `type`, or None where
    there is none. It never raises, and a None among its arguments makes its result None.

    `source` is the same as a Python expression over v0, v1, ... that needs `names`, for a program that puts it into its own:
    none of its arguments may be None, and where it raises one of `ERRORS` there is no value.
    """

    text: str
    type: Type
    fields: tuple[str, ...]
    run: Callable[..., Value]
    source: str = field(default="", compare=False, repr=False)
    names: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def over(self, values: Mapping[str, Value]) -> Value:
        """The result over values by field name; a missing one counts as None."""
        return self.run(*map(values.get, self.fields))


def compile_expression(
    text: str, fields: Mapping[str, str], wanted: Type | None = None, noun: str = "field"
) -> Expression:
    """Compile an expression over fields of these types (a contract's type words), to a result of the `wanted` type.

    `noun` is what messages call a field.

    Raises:
        ExpressionError: with the position of what is wrong, and the cure.
    """
    tree = syntax.parse(text)
    types = Types(fields, noun)
    found = types.of(tree)
    if wanted not in (None, found) and (wanted, found) != ("Number", "Integer"):
        raise ExpressionError(tree.position, f"the whole gives {found}, and {wanted} is needed")
    if not types.used:
        raise ExpressionError(1, f"no {noun} is named, so the result is always the same")
    source = _Source(types).expression(tree)
    patterns = {_pattern(position): compiled for position, compiled in types.patterns.items()}
    names = {"len": len, **_NAMESPACE, **patterns}
    return Expression(text, wanted or found, tuple(types.used), _made(source, len(types.used), names), source, names)


ERRORS: Final = (ArithmeticError, ValueError, TypeError)
_NAMESPACE: Final[dict[str, Any]] = {
    "finite": finite,
    "whole": whole,
    "joined": joined,
    "remainder": remainder,
    "ERRORS": ERRORS,
    **{f"f_{name}": function.run for name, function in FUNCTIONS.items()},
}


def _made(source: str, count: int, names: Mapping[str, Any]) -> Callable[..., Value]:
    arguments = [f"v{index}" for index in range(count)]
    lines = [
        f"def run({', '.join(arguments)}):",
        f"    if {' or '.join(f'{name} is None' for name in arguments)}: return None",
        f"    try: return {source}",
        "    except ERRORS: return None",
    ]
    namespace = {"__builtins__": {}, **names}
    exec(compile("\n".join(lines), "<expression>", "exec"), namespace)  # noqa: S102  made of this file's own pieces
    run: Callable[..., Value] = namespace["run"]
    return run


class _Source:
    """Writes the source of one expression."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._numbered = {name: f"v{index}" for index, name in enumerate(types.used)}

    def expression(self, tree: syntax.Node) -> str:
        result = self._checked(tree)
        return f"joined({result}, '')" if self._types.of(tree) == "String" else result

    def _checked(self, node: syntax.Node) -> str:
        """The node's source; arithmetic that ends here is checked to have stayed a number."""
        check = _CHECKS.get(self._types.of(node))
        return f"{check}({self._plain(node)})" if check and _is_arithmetic(node) else self._plain(node)

    def _plain(self, node: syntax.Node) -> str:
        return _WRITERS[type(node)](self, node)

    def _literal(self, node: syntax.Literal) -> str:
        return f"({node.value!r})"

    def _name(self, node: syntax.Name) -> str:
        return self._numbered[node.name]

    def _unary(self, node: syntax.Unary) -> str:
        return f"(not {self._plain(node.operand)})" if node.operator == "!" else f"(-{self._plain(node.operand)})"

    def _binary(self, node: syntax.Binary) -> str:
        operator = node.operator
        if operator == "+" and self._types.of(node.left) == "String":
            return f"joined({self._plain(node.left)}, {self._plain(node.right)})"
        if operator == "%":
            return f"remainder({self._checked(node.left)}, {self._checked(node.right)})"
        chained = operator in _CHAINED
        left = self._plain(node.left) if chained or operator == "/" else self._checked(node.left)
        right = self._plain(node.right) if chained else self._checked(node.right)
        return f"({left} {_PYTHON.get(operator, operator)} {right})"

    def _choice(self, node: syntax.Choice) -> str:
        then, otherwise = self._checked(node.then), self._checked(node.otherwise)
        return f"({then} if {self._plain(node.condition)} else {otherwise})"

    def _member(self, node: syntax.Member) -> str:
        return f"({self._checked(node.item)} in ({', '.join(self._checked(each) for each in node.choices)},))"

    def _call(self, node: syntax.Call) -> str:
        arguments = [self._checked(each) for each in node.arguments]
        if FUNCTIONS[node.function].pattern is not None:
            arguments[-1] = _pattern(node.arguments[-1].position)
        return f"f_{node.function}({', '.join(arguments)})"


_WRITERS: Final[dict[type, Callable[[_Source, Any], str]]] = {
    syntax.Literal: _Source._literal,
    syntax.Name: _Source._name,
    syntax.Unary: _Source._unary,
    syntax.Binary: _Source._binary,
    syntax.Choice: _Source._choice,
    syntax.Member: _Source._member,
    syntax.Call: _Source._call,
}


def _pattern(position: int) -> str:
    """What a compiled pattern is called in the source."""
    return f"p{position}"


def _is_arithmetic(node: syntax.Node) -> bool:
    if isinstance(node, syntax.Unary):
        return node.operator == "-"
    return isinstance(node, syntax.Binary) and node.operator in "+-*/"
