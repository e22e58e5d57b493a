"""Tokens in, tree out: precedence climbing, bounded in length, depth and number of nodes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Final

from plantwright_api.expression.errors import ExpressionError
from plantwright_api.expression.tokens import Token, text_of, tokens

LONGEST_TEXT: Final = 1024
"""Characters of an expression; what is longer is several rules."""
MOST_NODES: Final = 256
DEEPEST: Final = 32
"""Levels of nesting, and operators in a chain. A level becomes at most two parentheses more than it has nodes in Python, whose
own parser takes 200; with half the nodes being operands that leaves room."""
LONGEST_LIST: Final = 64
_LARGEST: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Node:
    """Base of the tree; `position` is where the node's own sign stands."""

    position: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A Boolean, Integer, Number or String as it stands."""

    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A field."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`!` or `-`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """An operator between two operands."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`condition ? then : otherwise`."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`item in [choices]`."""

    item: Node
    choices: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function; `text.startsWith('a')` is the same as `startsWith(text, 'a')`."""

    function: str
    arguments: tuple[Node, ...]


PRECEDENCE: Final = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
"""What binds tighter has the larger number; equals bind from the left."""
_WORDS: Final = {"true": True, "false": False}


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises:
        ExpressionError: where it stops being one, or is too long, too deep or too large.
    """
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(LONGEST_TEXT + 1, f"longer than {LONGEST_TEXT} characters; split it into several rules")
    return _Parser(tokens(text)).whole()


def names_in(text: str) -> tuple[str, ...]:
    """The fields that an expression names, each once, in order.

    Raises:
        ExpressionError: it is none.
    """
    return tuple(dict.fromkeys(_names(parse(text))))


def _names(node: Node) -> Iterator[str]:
    if isinstance(node, Name):
        yield node.name
    for field in fields(node):
        value = getattr(node, field.name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, Node):
                yield from _names(child)


class _Parser:
    """Reads one token list from left to right; `_depth` and `_nodes` bound what a hostile text may ask for."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0
        self._nodes = 0

    def whole(self) -> Node:
        node = self._choice()
        rest = self._next
        if rest.kind != "end":
            raise ExpressionError(
                rest.position, f"{rest.text!r} does not continue the expression; is an operator missing?"
            )
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _taken(self, text: str) -> bool:
        found = self._next.kind == "operator" and self._next.text == text
        if found:
            self._take()
        return found

    def _demand(self, text: str, why: str) -> None:
        token = self._next
        if not self._taken(text):
            shown = repr(token.text) if token.text else "the end"
            raise ExpressionError(token.position, f"{text!r} is missing before {shown}: {why}")

    def _counted(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise ExpressionError(node.position, f"more than {MOST_NODES} parts; split it into several rules")
        return node

    def _deeper(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(
                self._next.position, f"nested deeper than {DEEPEST} levels; split it into several rules"
            )
        node = read()
        self._depth -= 1
        return node

    def _choice(self) -> Node:
        return self._deeper(self._choice_here)

    def _choice_here(self) -> Node:
        condition = self._operation(1)
        position = self._next.position
        if not self._taken("?"):
            return condition
        then = self._choice()
        self._demand(":", "a choice is condition ? this : that")
        return self._counted(Choice(position, condition, then, self._choice()))

    def _operation(self, lowest: int) -> Node:
        left = self._unary()
        chain = 0
        while True:
            token = self._next
            binds = PRECEDENCE.get(token.text, 0) if token.kind in ("operator", "name") else 0
            if binds < lowest:
                return left
            chain += 1
            if chain > DEEPEST:
                raise ExpressionError(
                    token.position, f"a chain of more than {DEEPEST} operators; split it with parentheses"
                )
            self._take()
            left = self._counted(self._joined(token, left, binds))

    def _joined(self, token: Token, left: Node, binds: int) -> Node:
        if token.text != "in":
            return Binary(token.position, token.text, left, self._operation(binds + 1))
        self._demand("[", "in takes a list, such as state in ['Idle', 'Setup']")
        return Member(token.position, left, self._items("]"))

    def _unary(self) -> Node:
        token = self._next
        if token.kind == "operator" and token.text in ("!", "-"):
            self._take()
            return self._counted(Unary(token.position, token.text, self._deeper(self._unary)))
        return self._methods(self._primary())

    def _methods(self, node: Node) -> Node:
        chain = 0
        while self._taken("."):
            name = self._take()
            chain += 1
            if name.kind != "name" or chain > DEEPEST or not self._taken("("):
                raise ExpressionError(name.position, "there are no attributes; only functions stand behind a dot")
            node = self._counted(Call(name.position, name.text, (node, *self._items(")"))))
        return node

    def _primary(self) -> Node:
        token = self._take()
        if token.kind == "operator" and token.text == "(":
            node = self._choice()
            self._demand(")", "a parenthesis was opened")
            return node
        read = _PRIMARIES.get(token.kind)
        if read is None:
            shown = repr(token.text) if token.text else "the end"
            raise ExpressionError(token.position, f"a field, a literal or a parenthesis is expected before {shown}")
        if token.kind == "name" and self._taken("("):
            return self._counted(Call(token.position, token.text, self._items(")")))
        return self._counted(read(token))

    def _items(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._taken(end):
            if items:
                self._demand(",", f"items are parted by commas and end with {end}")
            if len(items) == LONGEST_LIST:
                raise ExpressionError(self._next.position, f"more than {LONGEST_LIST} items")
            items.append(self._choice())
        return tuple(items)


def _name(token: Token) -> Node:
    if token.text == "in":
        raise ExpressionError(token.position, "a field or a literal is expected before in")
    if token.text == "null":
        raise ExpressionError(token.position, "there is no null: while a field has no value the rule is not judged")
    if token.text in _WORDS:
        return Literal(token.position, _WORDS[token.text])
    return Name(token.position, token.text)


def _integer(token: Token) -> Node:
    value = int(token.text) if len(token.text) <= 20 else _LARGEST + 1
    if value > _LARGEST:
        raise ExpressionError(token.position, "an Integer ends at 2^64 - 1; write a Number, such as 1e20")
    return Literal(token.position, value)


def _number(token: Token) -> Node:
    value = float(token.text)
    if value == float("inf"):
        raise ExpressionError(token.position, "a Number ends at 1.79e308")
    return Literal(token.position, value)


_PRIMARIES: Final[dict[str, Callable[[Token], Node]]] = {
    "name": _name,
    "integer": _integer,
    "number": _number,
    "string": lambda token: Literal(token.position, text_of(token)),
}
