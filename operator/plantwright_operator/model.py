"""What the operator's layers hand to each other. Data only: no I/O, no clock, no Kubernetes client.

`decide`, `desired` and `cluster` never import each other; what one makes and another takes is declared here.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_api.v1alpha1.plant import Buffer
from plantwright_api.v1alpha1.signals import ModbusAddress, OpcUaAddress, Signal
from plantwright_api.wire.config import Operand
from plantwright_api.wire.status import GatewayStatus

Obj = dict[str, Any]
"""A Kubernetes object as JSON."""

FIELD_MANAGER = "plantwright-operator"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY_SELECTOR = f"{MANAGED_BY_LABEL}={FIELD_MANAGER}"

MACHINE_ANNOTATION = "plantwright.io/machine"
"""Full name of the machine a child belongs to; the label of the same name may be cut."""
PLANT_ANNOTATION = "plantwright.io/plant"
HASH_ANNOTATION = "plantwright.io/desired-hash"
"""Hash of what the operator wants of a child, so that a field which is wanted no longer is noticed too."""
TEMPLATE_ANNOTATION = "plantwright.io/template-hash"
IMAGE_ANNOTATION = "plantwright.io/image"
"""Image the operator chose for a gateway; what someone wrote into the pod template by hand is not it."""
ENDPOINT_ANNOTATION = "plantwright.io/endpoint"
CONFIG_ANNOTATION = "plantwright.io/config-hash"
TOUCH_ANNOTATION = "plantwright.io/config-touches"
GATEWAY_UID_ANNOTATION = "plantwright.io/gateway-uid"
ON_DELETE_ANNOTATION = "plantwright.io/buffer-on-delete"
APPROVAL_ANNOTATION = "plantwright.io/approve-revision"
REPLAY_ANNOTATION = "plantwright.io/replay-quarantine"
"""A person's request on a Machine: with another text than before its gateway judges and delivers its quarantine anew."""

CHILD_KINDS = ("ConfigMap", "PersistentVolumeClaim", "NetworkPolicy", "StatefulSet")
"""Children of a machine, in the order in which they are applied; the pod starts last."""


class Key(NamedTuple):
    """Names one object."""

    kind: str
    namespace: str
    name: str


def resource_version(meta: Obj) -> int:
    """An object's version; they grow and can be compared (KEP-5504). What is no number counts as new."""
    text = str(meta.get("resourceVersion", ""))
    return int(text) if text.isdecimal() else 2**63


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a machine is not acted on: a reason of the catalogue, a message that names the field and the cure.

    `stalled` says that only a person can change it; a missing reference may simply not have been applied yet.
    """

    reason: str
    message: str
    stalled: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a machine is reached. `address` is the canonical IP where the URL gives one, else None."""

    protocol: Literal["OPCUA", "ModbusTCP"]
    host: str
    port: int
    address: str | None

    @property
    def device(self) -> str:
        """The device as the endpoint budget counts it: host and port."""
        host = self.address or self.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ResolvedSignal:
    """A signal of the profile with this machine's overrides, and the contract field it fills.

    The rest follows from the two once they are found to fit: value in the field's `unit` = raw x scale + offset, exactly,
    what the machine's codes are called, how expressions see the signal if they name it, and on which signals a computed one
    rests. An internal signal fills no field: `contract` and `field` are "".
    """

    signal: Signal
    contract: str
    field: str
    opcua: OpcUaAddress | None
    modbus: ModbusAddress | None
    scale: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    unit: str | None = None
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    operand: Operand | None = None
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A machine with everything its references lead to, found valid."""

    machine: Machine
    plant: Plant
    profile: MachineProfile
    contracts: tuple[DataContract, ...]
    signals: tuple[ResolvedSignal, ...]
    endpoint: Endpoint

    @property
    def buffer(self) -> Buffer:
        """The buffer that is asked for: the machine's, else the plant's."""
        return self.machine.spec.buffer or self.plant.spec.gateway.buffer

    @property
    def pseudonymised(self) -> tuple[str, ...]:
        """The fields that this machine fills and that leave as pseudonyms only, as contract.field."""
        asked = {(c.family(), f.name) for c in self.contracts for f in c.spec.fields if f.pseudonymise}
        return tuple(f"{s.contract}.{s.field}" for s in self.signals if (s.contract, s.field) in asked)


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a machine's desired state follows from what is there already.

    `requests_per_second` is this machine's share of the device's limit; `running_image`, `medium` and `claim_*` are
    those of the live objects, None where there are none. `replicas` is 0 for a gateway that the budget stops.
    `plant_machines` is among how many a limit of the whole plant is shared.
    """

    gateway_uid: str
    default_image: str
    pull_policy: str
    operator_namespace: str
    requests_per_second: int | None = None
    running_image: str | None = None
    medium: str | None = None
    claim_size: str | None = None
    claim_class: str | None = None
    replicas: int = 1
    plant_machines: int = 1


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired children of a machine by kind, and what names their state."""

    objects: dict[str, Obj]
    config_hash: str
    template_hash: str
    revision: str


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What the operator reads from a gateway's pod. `stranded`: its node no longer answers for it.

    `controller` is the uid of the StatefulSet that made it.
    """

    name: str
    uid: str
    ip: str
    ready: bool
    deleting: bool
    revision: str
    unscheduled: str = ""
    waiting_reason: str = ""
    waiting_message: str = ""
    restarts: int = 0
    touches: int = 0
    farewell: str = ""
    node: str = ""
    stranded: bool = False
    controller: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """State of a machine's StatefulSet. `settled`: its controller has seen and finished the last change."""

    exists: bool = False
    uid: str = ""
    settled: bool = False
    template_hash: str = ""
    update_revision: str = ""
    pod: PodFacts | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The last answer of a gateway. `silent_seconds` is how long nothing has answered; 0 where the last poll did."""

    status: GatewayStatus | None
    pod_uid: str
    silent_seconds: float
