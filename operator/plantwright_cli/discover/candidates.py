"""What a machine offers, whatever it speaks."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from plantwright_api.v1alpha1.machineprofile import Protocol
from plantwright_api.v1alpha1.signals import ModbusAddress, OpcUaAddress

Kind = Literal["Boolean", "Integer", "Number", "String", "Timestamp", "Other", ""]
"""The contract type that comes nearest to a machine's; "" where the machine does not say."""
Scalar = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Companion:
    """A name of a companion specification: the namespace that defines it and the browse name there."""

    uri: str
    name: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One variable or register of a machine.

    `path` names the folders above it, the nearest last. `codes` are the names that the machine itself gives its codes.
    `unit` is written as the machine writes it; `scale` and `offset` lead to it, as decimal strings.
    """

    name: str
    path: tuple[str, ...] = ()
    description: str = ""
    kind: Kind = ""
    raw_type: str = ""
    unit: str = ""
    scale: str | None = None
    offset: str | None = None
    sample: Scalar = None
    codes: tuple[tuple[str, str], ...] = ()
    companion: Companion | None = None
    opcua: OpcUaAddress | None = None
    modbus: ModbusAddress | None = None

    @property
    def place(self) -> str:
        """Path and name, as a person would say where it is."""
        return "/".join((*self.path, self.name))

    @property
    def address(self) -> str:
        """The address as it stands in a profile."""
        if self.opcua is not None:
            return self.opcua.node_id
        if self.modbus is None:
            return self.place
        bit = f".{self.modbus.bit}" if self.modbus.bit is not None else ""
        return f"{self.modbus.table} {self.modbus.address}{bit}"


@dataclass(frozen=True, slots=True)
class Offer:
    """All that one machine offers, and what kept us from seeing more (one sentence each)."""

    protocol: Protocol
    source: str
    candidates: tuple[Candidate, ...]
    warnings: tuple[str, ...] = ()
    incomplete: bool = False
    companions: tuple[str, ...] = field(default=())


class Limits(NamedTuple):
    """How far a walk goes."""

    nodes: int = 20_000
    depth: int = 12
    seconds: float = 60.0
