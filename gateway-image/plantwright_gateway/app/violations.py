"""Which kinds of violation a machine has shown: the first time of each, never how often (the metrics count).

A kind is a field of a contract version and a reason. The operator makes one Kubernetes Event of each, so that the memory
survives a restart with the buffer and is bounded: `MOST` kinds per machine, of the contract versions in force.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Final, Literal

import msgspec

from plantwright_api.wire.status import Violation
from plantwright_gateway.context.times import rfc3339

STATE_VIOLATIONS: Final = "violations"
"""Key under which the buffer keeps them."""
MOST: Final = 50
LARGEST: Final = 8 * 1024
"""Bytes that may be kept: they share the pages that the buffer reserves for what must go in when it is full."""

Kind = tuple[str, str, str]
"""Contract, field and reason."""
_Known = tuple[str, str, str, str]


class Violations:
    """The kinds seen. `unsaved` while one of them is not known to be on disk."""

    def __init__(self, kept: bytes = b"") -> None:
        self._known: dict[_Known, Violation] = {_key(found): found for found in _read(kept)}
        self.unsaved = False

    def all(self) -> list[Violation]:
        """In the order in which they were first seen."""
        return list(self._known.values())

    def note(
        self, quarantined: Iterable[Kind], flagged: Iterable[Kind], versions: Mapping[str, str], now_ns: int
    ) -> None:
        """Take in what was seen in one go; kinds beyond `MOST` are not remembered.

        Args:
            quarantined: kinds of values that were kept out.
            flagged: kinds of values that were delivered.
            versions: version by name of the contracts that judged them.
            now_ns: wall time.
        """
        for kind in quarantined:
            self._note(kind, "Quarantined", versions[kind[0]], now_ns)
        for kind in flagged:
            self._note(kind, "Flagged", versions[kind[0]], now_ns)

    def _note(self, kind: Kind, action: Literal["Quarantined", "Flagged"], version: str, now_ns: int) -> None:
        contract, field, reason = kind
        key = (contract, version, field, reason)
        if key not in self._known and len(self._known) < MOST:
            first = rfc3339(now_ns)
            self._known[key] = Violation(
                contract=contract, version=version, field=field, reason=reason, action=action, first_time=first
            )
            self.unsaved = True

    def keep(self, versions: Set[tuple[str, str]]) -> None:
        """Forget the kinds of other contract versions than these: under a new version each is new again."""
        kept = {key: found for key, found in self._known.items() if key[:2] in versions}
        self.unsaved = self.unsaved or len(kept) < len(self._known)
        self._known = kept

    def dump(self) -> bytes:
        """What `kept` takes up again; the latest kinds are left out where it would be too large."""
        found = self.all()
        while len(content := msgspec.json.encode(found)) > LARGEST:
            found.pop()
        return content


def _key(found: Violation) -> _Known:
    return found.contract, found.version, found.field, found.reason


def _read(kept: bytes) -> list[Violation]:
    """What was kept; nothing where it cannot be read: a kind told twice is better than a gateway that does not start."""
    try:
        return msgspec.json.decode(kept, type=list[Violation])[:MOST] if kept else []
    except msgspec.DecodeError:
        return []
