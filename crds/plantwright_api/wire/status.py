"""What a gateway says of itself at `GET /status`; the operator turns it into conditions.

Times are RFC 3339 UTC strings, ages are seconds. Each condition carries a reason from
`plantwright_api.v1alpha1.reasons` and a message that names the field and the cure.
"""

from typing import Literal

import msgspec

Tri = Literal["True", "False", "Unknown"]
GatewayCondition = Literal["Connected", "DataFresh", "ContractMet", "Buffered", "Durable", "ScheduleCurrent"]


class Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all parts."""


class Condition(Body, frozen=True):
    """One condition as the gateway sees it."""

    type: GatewayCondition
    status: Tri
    reason: str
    message: str = ""


class SinkStatus(Body, frozen=True):
    """How one sink is doing."""

    name: str
    watermark: int
    backlog: int
    last_error: str = ""


class Violation(Body, frozen=True):
    """A kind of violation that was seen: field, reason (`RuleViolated:<rule>` for a rule) and what became of the first value."""

    contract: str
    version: str
    field: str
    reason: str
    action: Literal["Quarantined", "Flagged"]
    first_time: str


class Replay(Body, frozen=True):
    """A replay of the quarantine. `released` values went into the stream; `kept` says per reason how many stay.

    `end_time` is set once it is `done`.
    """

    request: str
    done: bool = False
    released: int = 0
    kept: dict[str, int] = {}
    end_time: str = ""


class Quarantine(Body, frozen=True):
    """How many values are held, how many had to go for newer ones, and the replay that was asked for last."""

    held: int = 0
    dropped: int = 0
    replay: Replay | None = None


class Certificate(Body, frozen=True):
    """A certificate that a connection rests on: what it is used for, whose it is, its fingerprints and its end.

    `secret` is the Secret it comes from; none for one that the gateway made or that a server showed. `ends_soon` from 14
    days before its end on.
    """

    use: Literal["Client", "User", "Server", "Authority", "SinkClient", "SinkAuthority"]
    subject: str
    sha256: str
    sha1: str
    end_time: str
    secret: str = ""
    ends_soon: bool = False


class MachineStatus(Body, frozen=True):
    """One machine of this gateway. `violations` holds at most 50 kinds, of the contract versions in force."""

    uid: str
    name: str
    epoch: str
    sequence: int
    conditions: list[Condition]
    sinks: list[SinkStatus]
    first_stored_time: str | None = None
    accepted: int = 0
    quarantined: int = 0
    gaps: int = 0
    quarantine: Quarantine = Quarantine()
    violations: list[Violation] = []
    certificates: list[Certificate] = []


class GatewayStatus(Body, frozen=True):
    """The whole answer. `config_error` is set while a newer configuration was refused and the old one runs on."""

    version: str
    config_hash: str
    started_time: str
    machines: list[MachineStatus]
    config_error: str = ""


class Farewell(Body, frozen=True):
    """What a gateway writes to `TERMINATION_LOG` as its last act, after its last batch, when it ends in good order.

    The kubelet puts it into the pod's status, where the operator reads it: a removed machine's claim is deleted only
    when the gateway itself said that `backlog` (observations accepted and not yet stored by every sink) is 0.
    """

    backlog: int


TERMINATION_LOG = "/dev/termination-log"


def decode(content: bytes) -> GatewayStatus:
    """Read an answer.

    Raises:
        msgspec.DecodeError: when it is no JSON of this shape; `msgspec.ValidationError` names the field.
    """
    return msgspec.json.decode(content, type=GatewayStatus)


def encode(status: GatewayStatus) -> bytes:
    """Write an answer."""
    return msgspec.json.encode(status)
