"""The delivery protocol: how observations reach a central MES so that it stores each once. See docs/protocol.md.

A batch is a JSON array of CloudEvents 1.0 (structured mode), all of one gateway uid and epoch, in ascending sequence.
Every event names the sequence before it, so the batch covers an unbroken stretch of the gateway's stream, and the MES
keeps one watermark per (gateway uid, epoch), moved in the same transaction as the rows:

* sequence <= watermark: seen before, ignore and count;
* previous sequence <= watermark < sequence: store, then the watermark is this sequence;
* previous sequence > watermark: something is missing. HTTP answers 409 with the watermark and the gateway resends from
  there. A consumer of MQTT, which has no way back, records the hole and goes on.

Attributes of each event (CloudEvents names): specversion, id, source, type, subject, time, datacontenttype, dataschema
and the extensions recordedtime, sequence, previoussequence, gatewayuid, epoch.
"""

from typing import Any, Literal

import msgspec

CONTENT_TYPE = "application/cloudevents-batch+json"
SEQUENCE_DIGITS = 20
"""CloudEvents sequences are compared as strings, so they are zero-padded."""

OBSERVATION = "io.plantwright.observation.v1"
GAP = "io.plantwright.gap.v1"
CONFIGURATION = "io.plantwright.configuration.v1"
QUARANTINE = "io.plantwright.quarantine.v1"
CHANGE = "io.plantwright.change.v1"
PRODUCTION = "io.plantwright.production.v1"
EventType = Literal[
    "io.plantwright.observation.v1",
    "io.plantwright.gap.v1",
    "io.plantwright.configuration.v1",
    "io.plantwright.quarantine.v1",
    "io.plantwright.change.v1",
    "io.plantwright.production.v1",
]

Quality = Literal["Good", "Uncertain", "Bad"]
Scalar = bool | int | float | str | None
State = Literal["Production", "Setup", "Delay", "Idle", "PlannedDown", "Unknown"]
"""Time elements of ISO 22400: a machine is in exactly one. Unknown where nothing tells; it is never taken for Delay."""
ChangeOf = Literal["State", "JobOrder", "Person", "Reason"]
CounterFall = Literal["Wrap", "Reset", "SetBack"]
"""What a part counter is taken to have done that shows less than before: begun again at its end, at somebody's word, or corrected."""
Origin = Literal["Machine", "MES", "Person", "Inferred", "Gateway"]
"""Who said so: the machine's own signal, the MES, a person at a terminal, a model of a signal, or the gateway for lack of news."""


class Data(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of event data."""


class Observation(Data, frozen=True):
    """Values of one contract that share one source time.

    `context` holds what was so at the source time, each where it is known: `state`, `shift`, `workRequest` (the production order),
    `jobOrder`, `materialDefinition` (the product), `materialLot`, `serialNumber`, `person`, and the machine's identity. Where the
    machine's clock was too far off to join by it, `contextTime` is "Gateway" and the gateway's own time was taken.
    `stateInferred` is "true" where the state was not told by the machine but learnt from a load.

    `flags` lists per field why it does not meet its contract though it was delivered; `quality` per field only where it
    is not Good. A flag is a word of the catalogue; `RuleViolated:<name>` names the contract's rule over several fields that
    does not hold. `config` is the hash of the configuration it was read under. `replayed`: the values had been in quarantine
    and come late; each was told in a Quarantined event of the same contract, field and time before.
    """

    plant: str
    machine: str
    contract: str
    contract_version: str
    fields: dict[str, Scalar]
    config: str
    quality: dict[str, Quality] = {}
    flags: dict[str, str] = {}
    context: dict[str, str] = {}
    replayed: bool = False


class Gap(Data, frozen=True):
    """A stretch in which values were not observed or were dropped. `count` is known only for drops."""

    plant: str
    machine: str
    reason: str
    start_time: str
    end_time: str
    config: str
    count: int | None = None
    signals: list[str] = []
    message: str = ""


class Configuration(Data, frozen=True):
    """A configuration came into force.

    `retention` says per contract for how many days at most an MES keeps its data; a contract without a limit is not in it.
    `calendar` is `wire.config.Calendar` as JSON: by it planned time is told from unplanned.
    """

    plant: str
    machine: str
    config: str
    profile: str
    contracts: dict[str, str]
    gateway_version: str
    asset: dict[str, str] = {}
    retention: dict[str, int] = {}
    calendar: dict[str, Any] = {}


class Quarantined(Data, frozen=True):
    """A value that could not be interpreted, with its reason; delivered so that the MES knows, kept to be replayed."""

    plant: str
    machine: str
    contract: str
    contract_version: str
    field: str
    signal: str
    value: str
    reason: str
    config: str


class Change(Data, frozen=True):
    """What is so of the machine from the event's time on, until the next change of the same `of`.

    `value` is a State, the id of a job order or of a person (or its pseudonym), or the reason of a stop; "" for none. A state
    has the machine's own `code`, and where its origin is Inferred the model's `confidence` (0 to 1). `context` is what else was so.
    """

    plant: str
    machine: str
    of: ChangeOf
    value: str
    origin: Origin
    config: str
    previous: str = ""
    code: str = ""
    confidence: float | None = None
    context: dict[str, str] = {}


class Production(Data, frozen=True):
    """Parts that were made since the event of this type before: whole parts, told at the time their counter was read. What the
    machine does not count is not there, which is not 0.

    `cycles`, alone, are told where the state is inferred: so many cycles, as its load shows them, ended at the event's time. How many
    parts a cycle makes, and whether good ones, it does not show.

    `planned_run_time_per_item_seconds` is the PRI of ISO 22400 that was in force. `falls` says of "good", "rejected" and "reworked"
    that their counter fell: after a Reset what it shows is counted, after SetBack nothing, so the number is a guess. `context` as of an
    observation.
    """

    plant: str
    machine: str
    config: str
    good: int | None = None
    rejected: int | None = None
    reworked: int | None = None
    cycles: int | None = None
    planned_run_time_per_item_seconds: float | None = None
    falls: dict[str, CounterFall] = {}
    context: dict[str, str] = {}


class Event(msgspec.Struct, frozen=True, kw_only=True, rename=None):
    """One CloudEvent of a batch, as an MES reads it. `data` is one of the classes above, by `type`."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str
    time: str
    recordedtime: str
    sequence: str
    previoussequence: str
    gatewayuid: str
    epoch: str
    data: dict[str, Any]
    datacontenttype: str = "application/json"
    dataschema: str = ""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """One event that the MES will never store."""

    sequence: int
    reason: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The MES's answer to a batch (200), or what it expects instead (409).

    Everything of this (gatewayuid, epoch) up to `watermark` is stored, ignored as a duplicate, or listed in `rejected`.
    """

    gatewayuid: str
    epoch: str
    watermark: int
    stored: int = 0
    ignored: int = 0
    rejected: list[Rejected] = []


def pad(sequence: int) -> str:
    """A sequence as it stands in an event."""
    return f"{sequence:0{SEQUENCE_DIGITS}d}"
