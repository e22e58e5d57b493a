"""A typed tree in, a Python function out.

The function's source is put together from the fixed pieces of this file: fields are numbered, texts go through `repr`, so
nothing that a user wrote is ever Python. It sees no builtins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    """

    text: str
    type: Type
    fields: tuple[str, ...]
    run: Callable[..., Value]

    def over(self, values: Mapping[str, Value]) -> Value:
        """The result over values by field name; a missing one counts as None."""
        return self.run(*map(values.get, self.fields))


def compile_expression(text: str, fields: Mapping[str, str], wanted: Type | None = None) -> Expression:
    """Compile an expression over fields of these types (a contract's type words), to a result of the `wanted` type.

    Raises:
        ExpressionError: with the position of what is wrong, and the cure.
    """
    tree = syntax.parse(text)
    types = Types(fields)
    found = types.of(tree)
    if wanted not in (None, found) and (wanted, found) != ("Number", "Integer"):
        raise ExpressionError(tree.position, f"the whole gives {found}, and {wanted} is needed")
    if not types.used:
        raise ExpressionError(1, "no field is named, so the result is always the same")
    source = _Source(types).function(tree)
    return Expression(text, wanted or found, tuple(types.used), _made(source))


_NAMESPACE: Final[dict[str, Any]] = {
    "finite": finite,
    "whole": whole,
    "joined": joined,
    "remainder": remainder,
    "ERRORS": (ArithmeticError, ValueError, TypeError),
    **{f"f_{name}": function.run for name, function in FUNCTIONS.items()},
}


def _made(source: str) -> Callable[..., Value]:
    namespace = {"__builtins__": {}, "len": len, **_NAMESPACE}
    exec(compile(source, "<expression>", "exec"), namespace)  # noqa: S102  made of this file's own pieces
    run: Callable[..., Value] = namespace["run"]
    return run


class _Source:
    """Writes the source of one function."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._numbered = {name: f"v{index}" for index, name in enumerate(types.used)}

    def function(self, tree: syntax.Node) -> str:
        names = list(self._numbered.values())
        missing = " or ".join(f"{name} is None" for name in names)
        result = self._checked(tree)
        if self._types.of(tree) == "String":
            result = f"joined({result}, '')"
        lines = [
            f"def run({', '.join(names)}):",
            f"    if {missing}: return None",
            f"    try: return {result}",
            "    except ERRORS: return None",
        ]
        return "\n".join(lines)

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
        return f"f_{node.function}({', '.join(self._checked(each) for each in node.arguments)})"


_WRITERS: Final[dict[type, Callable[[_Source, Any], str]]] = {
    syntax.Literal: _Source._literal,
    syntax.Name: _Source._name,
    syntax.Unary: _Source._unary,
    syntax.Binary: _Source._binary,
    syntax.Choice: _Source._choice,
    syntax.Member: _Source._member,
    syntax.Call: _Source._call,
}


def _is_arithmetic(node: syntax.Node) -> bool:
    if isinstance(node, syntax.Unary):
        return node.operator == "-"
    return isinstance(node, syntax.Binary) and node.operator in "+-*/"
