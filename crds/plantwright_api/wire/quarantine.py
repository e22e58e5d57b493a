"""What a gateway answers at `GET /quarantine`: the values that it keeps out of the stream, for a person to look at.

Times are RFC 3339 UTC strings. `reason` is a word of `plantwright_api.v1alpha1.reasons`, or `RuleViolated:<rule>`.
"""

import msgspec


class Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all parts."""


class Kind(Body, frozen=True):
    """Values of one field that are held for one reason; `replayable` of them were kept as they were read."""

    contract: str
    contract_version: str
    field: str
    reason: str
    count: int
    replayable: int
    first_time: str
    last_time: str


class Value(Body, frozen=True):
    """One value as it is shown; that of a field with pseudonyms is not."""

    time: str
    recorded_time: str
    contract: str
    field: str
    signal: str
    value: str
    reason: str


class MachineQuarantine(Body, frozen=True):
    """One machine's: everything by kind, and the newest values."""

    name: str
    held: int
    dropped: int
    kinds: list[Kind]
    newest: list[Value]


class GatewayQuarantine(Body, frozen=True):
    """The whole answer."""

    machines: list[MachineQuarantine]


def decode(content: bytes) -> GatewayQuarantine:
    """Read an answer.

    Raises:
        msgspec.DecodeError: when it is no JSON of this shape; `msgspec.ValidationError` names the field.
    """
    return msgspec.json.decode(content, type=GatewayQuarantine)


def encode(quarantine: GatewayQuarantine) -> bytes:
    """Write an answer."""
    return msgspec.json.encode(quarantine)
