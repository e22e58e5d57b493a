"""Read a compiled expression as a tree of nodes.

The library hands out its tree only as a serialized `cel.expr.CheckedExpr`, whose Python classes are published nowhere; the
few messages of it that matter are read here. Field numbers: cel-spec, proto/cel/expr/{checked,syntax}.proto. Macros are
already expanded, so all(), exists() and the like are Comprehension.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_ANY_VALUE, _CHECKED_EXPR = 2, 4


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; bytes and doubles stand as None, since nothing here depends on them."""

    value: str | int | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or has(operand.field) where `test_only`."""

    operand: "Node"
    field: str
    test_only: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator; the target of a method is the first argument."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Elements:
    """A list literal, or a map literal where `keys` are given."""

    elements: tuple["Node", ...]
    keys: tuple["Node", ...] | None = None


@dataclass(frozen=True, slots=True)
class Comprehension:
    """A fold over `over`, as all(), exists(), map() and filter() expand to. `second` is the value's name over a map."""

    first: str
    second: str
    over: "Node"
    accumulator: str
    initial: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"


Node = Constant | Name | Select | Call | Elements | Comprehension
Fields = dict[int, list[Any]]


def read(serialized: bytes) -> Node:
    """The tree of a serialized CheckedExpr, as it is or packed into an Any.

    Raises:
        ValueError: the bytes are no such message.
    """
    outer = _message(serialized)
    checked = _message(outer[_ANY_VALUE][0]) if isinstance(outer.get(1, [b""])[0], bytes) else outer
    return _node(checked[_CHECKED_EXPR][0])


def _node(data: bytes) -> Node:
    message = _message(data)
    for number, reader in _READERS.items():
        if number in message:
            return reader(_message(message[number][0]))
    raise ValueError("an expression of an unknown kind")


def _constant(message: Fields) -> Node:
    if 6 in message:
        return Constant(message[6][0].decode())
    if 2 in message:
        return Constant(bool(message[2][0]))
    if 3 in message:
        value = message[3][0]
        return Constant(value - (1 << 64) if value >> 63 else value)
    return Constant(message[4][0] if 4 in message else None)


def _name(message: Fields) -> Node:
    return Name(_text(message, 1))


def _select(message: Fields) -> Node:
    return Select(_node(message[1][0]), _text(message, 2), bool(message.get(3, [0])[0]))


def _call(message: Fields) -> Node:
    return Call(_text(message, 2), tuple(_node(part) for part in message.get(1, []) + message.get(3, [])))


def _list(message: Fields) -> Node:
    return Elements(tuple(_node(part) for part in message.get(1, [])))


def _struct(message: Fields) -> Node:
    entries = [_message(part) for part in message.get(2, [])]
    return Elements(tuple(_node(e[4][0]) for e in entries), tuple(_node(e[3][0]) for e in entries if 3 in e))


def _comprehension(message: Fields) -> Node:
    over, initial, condition, step, result = (_node(message[number][0]) for number in (2, 4, 5, 6, 7))
    return Comprehension(
        _text(message, 1), _text(message, 8), over, _text(message, 3), initial, condition, step, result
    )


_READERS: dict[int, Callable[[Fields], Node]] = {
    3: _constant,
    4: _name,
    5: _select,
    6: _call,
    7: _list,
    8: _struct,
    9: _comprehension,
}


def _text(message: Fields, number: int) -> str:
    text: str = message.get(number, [b""])[0].decode()
    return text


def _message(data: bytes) -> Fields:
    """Field number → its values: numbers, or bytes for texts and messages."""
    fields: Fields = {}
    for number, value in _fields(data):
        fields.setdefault(number, []).append(value)
    return fields


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire not in (_FIXED64, _BYTES):
            raise ValueError(f"wire type {wire}")
        length, at = (8, at) if wire == _FIXED64 else _varint(data, at)
        yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
