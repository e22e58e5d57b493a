"""Gives every node its type; what cannot be typed is refused with its position and the cure."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final, Literal

from plantwright_api.expression import syntax
from plantwright_api.expression.errors import ExpressionError
from plantwright_api.expression.functions import FUNCTIONS, Function
from plantwright_api.pattern import PatternError

Type = Literal["Boolean", "Integer", "Number", "String"]
FIELD_TYPES: Final[Mapping[str, Type]] = {
    "Boolean": "Boolean",
    "Integer": "Integer",
    "Number": "Number",
    "String": "String",
}
"""Types of contract fields that an expression can use; a Timestamp is none: its texts do not order as its times do."""
_NUMBERS: Final = frozenset({"Integer", "Number"})
_LITERALS: Final[Mapping[type, Type]] = {bool: "Boolean", int: "Integer", float: "Number", str: "String"}
_TAKES: Final[Mapping[str, frozenset[str]]] = {
    "number": _NUMBERS,
    "number or String": _NUMBERS | {"String"},
    "String": frozenset({"String"}),
    "Integer": frozenset({"Integer"}),
    "pattern": frozenset({"String"}),
}


class Types:
    """Types the nodes of one expression over fields of the given types, which messages call by `noun`.

    `used` holds the fields it names, in order; `patterns` its patterns, compiled, by the position of their text.
    """

    def __init__(self, fields: Mapping[str, str], noun: str = "field") -> None:
        self._fields, self._noun = fields, noun
        self.used: dict[str, Type] = {}
        self.patterns: dict[int, Callable[[str], Any]] = {}

    def of(self, node: syntax.Node) -> Type:
        """The type of a node and of all below it.

        Raises:
            ExpressionError: at the node that fits no rule.
        """
        return _RULES[type(node)](self, node)

    def literal(self, node: syntax.Literal) -> Type:
        """A literal is what it is."""
        return _LITERALS[type(node.value)]

    def name(self, node: syntax.Name) -> Type:
        """A field of the contract."""
        declared = self._fields.get(node.name)
        if declared is None:
            raise ExpressionError(
                node.position, f"there is no {self._noun} {node.name}; {_meant(node.name, self._fields)}"
            )
        if declared not in FIELD_TYPES:
            raise ExpressionError(node.position, f"{node.name} is a {declared}, which expressions do not know")
        self.used[node.name] = FIELD_TYPES[declared]
        return FIELD_TYPES[declared]

    def unary(self, node: syntax.Unary) -> Type:
        """`!` of a Boolean, `-` of a number."""
        found = self.of(node.operand)
        if node.operator == "!" and found == "Boolean":
            return "Boolean"
        if node.operator == "-" and found in _NUMBERS:
            return found
        wanted = "a Boolean" if node.operator == "!" else "a number"
        raise ExpressionError(node.position, f"{node.operator} takes {wanted}, not {_a(found)}")

    def binary(self, node: syntax.Binary) -> Type:
        """See the table of operators."""
        left, right = self.of(node.left), self.of(node.right)
        result = _OPERATORS[node.operator](left, right)
        if result is None:
            cure = _cure(node.operator, left, right)
            raise ExpressionError(node.position, f"{node.operator} does not take {_a(left)} and {_a(right)}; {cure}")
        if node.operator in ("/", "%") and isinstance(node.right, syntax.Literal) and node.right.value == 0:
            raise ExpressionError(node.right.position, "a division by zero never has a value")
        return result

    def choice(self, node: syntax.Choice) -> Type:
        """A Boolean condition, and two results of one type."""
        condition, then, otherwise = self.of(node.condition), self.of(node.then), self.of(node.otherwise)
        if condition != "Boolean":
            raise ExpressionError(node.position, f"the condition before ? is {_a(condition)}; it must be a Boolean")
        result = _common(then, otherwise)
        if result is None:
            raise ExpressionError(
                node.position, f"a choice cannot be {_a(then)} or {_a(otherwise)}; give both one type"
            )
        return result

    def member(self, node: syntax.Member) -> Type:
        """An item, and a list of the same type."""
        item = self.of(node.item)
        for choice in node.choices:
            found = self.of(choice)
            if _common(item, found) is None:
                raise ExpressionError(
                    choice.position, f"the list holds {_a(found)}, and {_a(item)} is looked for in it"
                )
        if not node.choices:
            raise ExpressionError(node.position, "the list is empty, so nothing is in it")
        return "Boolean"

    def call(self, node: syntax.Call) -> Type:
        """A function of the table, with the arguments it takes."""
        function = FUNCTIONS.get(node.function)
        if function is None:
            meant = _meant(node.function, FUNCTIONS)
            raise ExpressionError(node.position, f"there is no function {node.function}; {meant}")
        found = [self.of(argument) for argument in node.arguments]
        _hold(node, function, found)
        if function.pattern is not None:
            self._compile(node, function.pattern)
        if function.result == "same":
            return "Integer" if set(found) == {"Integer"} else "Number"
        return FIELD_TYPES[function.result]

    def _compile(self, node: syntax.Call, made: Callable[[str], Callable[[str], Any]]) -> None:
        """The last argument, once: a pattern that a machine could write would have to be compiled per value."""
        last = node.arguments[-1]
        if not isinstance(last, syntax.Literal):
            raise ExpressionError(last.position, f"the pattern of {node.function} must be a text in quotes")
        if last.position in self.patterns:
            return
        try:
            self.patterns[last.position] = made(str(last.value))
        except PatternError as error:
            raise ExpressionError(last.position, f"the pattern of {node.function}: {error}") from error


_RULES: Final[dict[type, Callable[[Types, Any], Type]]] = {
    syntax.Literal: Types.literal,
    syntax.Name: Types.name,
    syntax.Unary: Types.unary,
    syntax.Binary: Types.binary,
    syntax.Choice: Types.choice,
    syntax.Member: Types.member,
    syntax.Call: Types.call,
}


def _hold(node: syntax.Call, function: Function, found: list[Type]) -> None:
    fewest, most = len(function.arguments), function.at_most or len(function.arguments)
    if not fewest <= len(found) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise ExpressionError(node.position, f"{node.function} takes {wanted} arguments, not {len(found)}")
    for index, (argument, type_) in enumerate(zip(node.arguments, found, strict=True)):
        wanted = function.arguments[min(index, fewest - 1)]
        if type_ not in _TAKES[wanted]:
            raise ExpressionError(argument.position, f"{node.function} takes a {wanted} here, not {_a(type_)}")


def _common(left: Type, right: Type) -> Type | None:
    if left == right:
        return left
    return "Number" if {left, right} == _NUMBERS else None


def _sum(left: Type, right: Type) -> Type | None:
    return None if "Boolean" in (left, right) else _common(left, right)


def _product(left: Type, right: Type) -> Type | None:
    return _common(left, right) if {left, right} <= _NUMBERS else None


def _quotient(left: Type, right: Type) -> Type | None:
    return "Number" if {left, right} <= _NUMBERS else None


def _rest(left: Type, right: Type) -> Type | None:
    return "Integer" if left == right == "Integer" else None


def _equality(left: Type, right: Type) -> Type | None:
    return "Boolean" if _common(left, right) else None


def _order(left: Type, right: Type) -> Type | None:
    return "Boolean" if _sum(left, right) else None


def _logic(left: Type, right: Type) -> Type | None:
    return "Boolean" if left == right == "Boolean" else None


_OPERATORS: Final[dict[str, Callable[[Type, Type], Type | None]]] = {
    "+": _sum,
    **dict.fromkeys(("-", "*"), _product),
    "/": _quotient,
    "%": _rest,
    **dict.fromkeys(("==", "!="), _equality),
    **dict.fromkeys(("<", "<=", ">", ">="), _order),
    **dict.fromkeys(("&&", "||"), _logic),
}


def _cure(operator: str, left: Type, right: Type) -> str:
    if operator in ("<", "<=", ">", ">=") and "Boolean" in (left, right):
        return "write a < b && b < c for a < b < c"
    if operator in ("&&", "||"):
        return "both sides must be Booleans, such as comparisons"
    if operator == "%":
        return "both sides must be Integers"
    if "String" in (left, right) and {left, right} & _NUMBERS:
        return "double() and int() make numbers of text"
    return "both sides must be of one type"


def _a(type_: str) -> str:
    return f"an {type_}" if type_ == "Integer" else f"a {type_}"


def _meant(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"is {close[0]} meant?"
    return f"there are {', '.join(sorted(known)[:10])}" + (" …" if len(known) > 10 else "")
