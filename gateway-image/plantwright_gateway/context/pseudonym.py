"""Pseudonyms: what leaves instead of the values of fields whose contract says so. Pure: whoever calls brings the key.

A pseudonym is HMAC-SHA-256 over the field's name and the value, cut to 128 bits: equal values of fields of one name have equal
pseudonyms, so that records still join, and without the plant's key nobody gets from one to the value, not even by trying all
values there are. Everything that leaves passes `applied` or `hidden`. Without a key they give `WITHHELD`: whoever forgot to
ask `ready` and to keep such values back could lose one, but never reveal it.
"""

import hmac
from collections.abc import Callable
from typing import Final

from plantwright_api.wire.config import Machine
from plantwright_api.wire.delivery import Scalar
from plantwright_gateway.context.events import Original

PREFIX: Final = "pn:"
"""Tells a pseudonym from a value."""
BYTES: Final = 16
SHORTEST_KEY: Final = 32
"""Bytes; a shorter key is none."""
WITHHELD: Final = "(withheld)"
"""Stands for a value that cannot be shown."""

KeySource = Callable[[], bytes | None]
"""Gives the key as it is now, None where there is none that will do; asked once per set of samples."""


def no_key() -> bytes | None:
    """For a machine that has none."""
    return None


def pseudonym(key: bytes, field: str, value: str) -> str:
    """The pseudonym of a field's value: `pn:` and 32 hexadecimal digits."""
    message = f"{field}\0{value}".encode("utf-8", "surrogatepass")
    return PREFIX + hmac.digest(key, message, "sha256")[:BYTES].hex()


class Pseudonyms:
    """Those of one machine under one configuration; fields that ask for none cost a look into a dict per event."""

    def __init__(self, machine: Machine, source: KeySource = no_key) -> None:
        asking = {c.name: frozenset(f.name for f in c.fields if f.pseudonymise) for c in machine.contracts}
        self._fields = {contract: names for contract, names in asking.items() if names}
        self.signals = frozenset(s.name for s in machine.signals if s.field in self._fields.get(s.contract, ()))
        """Signals whose values leave as pseudonyms only."""
        self._persons = machine.joined.pseudonymise_persons
        self._source = source
        self._key: bytes | None = None

    def ready(self) -> bool:
        """Whether every value can leave as its contract wants it; takes up the key as it is now."""
        if not self.signals:
            if self._persons:
                self._key = self._source()
            return True
        self._key = self._source()
        return self._key is not None

    def person(self, value: str) -> str:
        """A person of the context as it leaves."""
        return str(self._of("person", value)) if self._persons and value else value

    def applied(self, contract: str, fields: dict[str, Scalar]) -> dict[str, Scalar]:
        """The fields of an event as they leave; one without a value stays without."""
        asking = self._fields.get(contract)
        if asking is None or asking.isdisjoint(fields):
            return fields
        return {name: self._of(name, value) if name in asking else value for name, value in fields.items()}

    def hidden(self, original: Original) -> Original:
        """A value that was kept out, as the event about it may show it."""
        if original.field not in self._fields.get(original.contract, ()):
            return original
        return original._replace(value=str(self._of(original.field, original.value)))

    def _of(self, field: str, value: Scalar) -> Scalar:
        if value is None:
            return None
        return WITHHELD if self._key is None else pseudonym(self._key, field, str(value))
