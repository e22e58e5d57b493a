"""Account of a translation: what was taken from a document, and so what was not.

A translator reads through cursors, and each look marks what it looked at. What no one looked at is lost, and `leftovers`
lists it: a part of the standard that is added tomorrow shows up as lost instead of vanishing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Step = str | int
Where = tuple[Step, ...]

NO_PLACE = "a DataContract has no place for it"
WHY: Mapping[str, str] = {
    "servers": "where data is stored is said by the Plant's spec.mes",
    "roles": "who may read the stored data is the store's matter",
    "price": "a DataContract has no price",
    "relationships": "fields of one machine have no keys between them",
    "quality": "rules of other engines are not translated; write minimum, maximum, enum, pattern or spec.rules",
    "transformLogic": "how a value is made from signals is said by the MachineProfile",
    "transformSourceObjects": "how a value is made from signals is said by the MachineProfile",
    "transformDescription": "how a value is made from signals is said by the MachineProfile",
    "exclusiveMinimum": "a limit is inclusive here, and the next number above has no name; write minimum",
    "exclusiveMaximum": "a limit is inclusive here, and the next number below has no name; write maximum",
    "physicalName": "names in a store are the store's matter",
    "physicalType": "types in a store are the store's matter",
}
"""Why a part of the standard is not carried, by its name."""

SAYS_NOTHING: Mapping[str, Any] = {
    "primaryKey": False,
    "primaryKeyPosition": -1,
    "unique": False,
    "partitioned": False,
    "partitionKeyPosition": -1,
    "criticalDataElement": False,
    "deprecated": False,
    "semanticType": "column",
    "minLength": 0,
}
"""The standard's defaults: whoever writes them out says nothing that could be lost."""

_WORDS: Mapping[Any, str] = {True: "true", False: "false", None: "(nothing)"}
_NAMES = ("name", "property", "server", "channel", "username", "role")


class Loss(NamedTuple):
    """Something that was not carried over, or not as it was."""

    path: str
    what: str
    why: str


class Ledger:
    """What of one document was taken, and what was given up knowingly."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._taken: set[Where] = set()
        self._losses: dict[Where, Loss] = {}

    def root(self) -> "Cursor":
        """The whole document."""
        return Cursor(self, (), self.document)

    def take(self, where: Where) -> None:
        """Mark a value as carried over."""
        self._taken.add(where)

    def lose(self, where: Where, what: Any, why: str) -> None:
        """List a value as not carried over, or not as it was."""
        self.take(where)
        self._losses.setdefault(where, Loss(label(self.document, where), shown(what), why))

    def losses(self) -> list[Loss]:
        """What was given up and what nobody looked at, in the order of their paths."""
        taken = {where[:length] for where in self._taken for length in range(len(where) + 1)}
        found = dict(self._losses)
        for where, value in _leftovers((), self.document, self._taken, taken):
            key = next((step for step in reversed(where) if isinstance(step, str)), "")
            found.setdefault(where, Loss(label(self.document, where), shown(value), WHY.get(key, NO_PLACE)))
        return [found[where] for where in sorted(found, key=lambda where: [str(step).zfill(6) for step in where])]


class Cursor:
    """A place in the document; what is read through it counts as taken."""

    def __init__(self, ledger: Ledger, where: Where, value: Any) -> None:
        self.ledger = ledger
        self.where = where
        self.value = value

    def peek(self, key: str) -> Any:
        """A member without taking it; None where there is none."""
        return self.value.get(key) if isinstance(self.value, Mapping) else None

    def get(self, key: str) -> Any:
        """A member, taken; None where there is none."""
        self.ledger.take((*self.where, key))
        return self.peek(key)

    def child(self, key: str) -> "Cursor":
        """A place further in; nothing is taken yet."""
        return Cursor(self.ledger, (*self.where, key), self.peek(key))

    def children(self, key: str) -> list["Cursor"]:
        """The places of a list; nothing is taken yet."""
        members = self.peek(key)
        listed = members if isinstance(members, list) else []
        return [Cursor(self.ledger, (*self.where, key, index), member) for index, member in enumerate(listed)]

    def take(self) -> None:
        """Take the whole of this place."""
        self.ledger.take(self.where)

    def lose(self, why: str, key: str | None = None) -> None:
        """Give up this place, or a member of it."""
        where = self.where if key is None else (*self.where, key)
        self.ledger.lose(where, self.value if key is None else self.peek(key), why)

    def label(self, key: str | None = None) -> str:
        """The place as messages name it."""
        return label(self.ledger.document, self.where if key is None else (*self.where, key))


def label(document: Any, where: Sequence[Step]) -> str:
    """A path as a person reads it: `schema[press].properties[power].unit`, with an index where names do not tell apart."""
    text, value = "", document
    for step in where:
        if isinstance(step, int):
            text += f"[{_name(value, step)}]"
        else:
            text += f".{step}" if text else step
        value = _member(value, step)
    return text


def shown(value: Any) -> str:
    """A value as one short line."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{key}: {shown(member)}" for key, member in value.items())
    elif isinstance(value, list):
        text = ", ".join(shown(member) for member in value)
    else:
        text = str(value) if value is not None and not isinstance(value, bool) else _WORDS[value]
    return text if len(text) <= 60 else f"{text[:59]}…"


def _name(members: Any, index: int) -> str:
    names = [_named(member) for member in members] if isinstance(members, list) else []
    name = names[index] if index < len(names) else ""
    return name if name and names.count(name) == 1 else str(index)


def _named(member: Any) -> str:
    if not isinstance(member, Mapping):
        return ""
    return next((member[key] for key in _NAMES if isinstance(member.get(key), str)), "")


def _member(value: Any, step: Step) -> Any:
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return value.get(step) if isinstance(value, Mapping) else None


def _leftovers(where: Where, value: Any, taken: set[Where], passed: set[Where]) -> Iterator[tuple[Where, Any]]:
    """Places that nobody took, each as high up as nothing below it was taken. `passed` holds all places above taken ones."""
    if where in taken or _says_nothing(where, value):
        return
    if where not in passed and where:
        yield where, value
        return
    members = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, member in members:
        yield from _leftovers((*where, step), member, taken, passed)


def _says_nothing(where: Where, value: Any) -> bool:
    if value is None or value == [] or (value == {} and where):
        return True
    key = where[-1] if where else ""
    return isinstance(key, str) and key in SAYS_NOTHING and value == SAYS_NOTHING[key]
