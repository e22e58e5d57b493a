"""The shop floor's configuration file: which machines there are and where they listen.

```yaml
host: 0.0.0.0
httpPort: 8080
ledgerDir: /ledger
certificates: /certificates     # /certificates/<machine>/{tls.crt,tls.key,ca.crt}
pace: 10
machines:
  - {name: lathe-01, protocol: ModbusTCP, layout: lathe, port: 5020}
  - {name: press-01, protocol: ModbusTCP, layout: press, port: 5030, unitId: 1}
  - {name: press-02, protocol: ModbusTCP, layout: press, port: 5030, unitId: 2}
  - {name: cell-01, protocol: OPCUA, port: 4840, tickMilliseconds: 500}
fleets:
  - {prefix: load, count: 60, layout: lathe, firstPort: 15001}
```
"""

from pathlib import Path
from typing import Literal

import msgspec
import yaml

from plantwright_shopfloor.modbus.layouts import LAYOUTS


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of all parts: a misspelt key is an error, not a default."""


class MachineConfig(_Part, frozen=True):
    """One machine. Machines that share a port are units of one Modbus server."""

    name: str
    protocol: Literal["ModbusTCP", "OPCUA"]
    port: int
    layout: str = "lathe"
    unit_id: int = 1
    tick_milliseconds: int = 500
    """OPC UA: how often its variables change."""
    cycle_seconds: float = 18.0
    scrap_ratio: float = 0.02
    rework_ratio: float = 0.0
    """Share of cycles after which a part is worked on once more; only an OPC UA machine shows how many were."""
    good_parts: int = 0
    """Where the counter of good parts stands at first; 65500 shows a rollover soon."""


class FleetConfig(_Part, frozen=True):
    """Many Modbus machines alike, `<prefix>-001` and on, each at a port of its own."""

    prefix: str
    count: int
    first_port: int
    layout: str = "lathe"


class FloorConfig(_Part, frozen=True):
    """The whole file."""

    machines: list[MachineConfig] = []
    fleets: list[FleetConfig] = []
    host: str = "0.0.0.0"
    http_port: int = 8080
    ledger_dir: str = "ledger"
    certificates: str = ""
    """Folder with a folder per OPC UA machine; empty: no security, which `allow_insecure` must then allow."""
    allow_insecure: bool = False
    """True also offers OPC UA without security."""
    pace: float = 1.0
    seed: int = 1
    max_sessions: int = 16
    """Connections that one Modbus port takes."""

    def all_machines(self) -> list[MachineConfig]:
        """The machines with those of the fleets."""
        fleet = [
            MachineConfig(
                name=f"{fleet.prefix}-{number:03d}",
                protocol="ModbusTCP",
                layout=fleet.layout,
                port=fleet.first_port + number - 1 if fleet.first_port else 0,
            )
            for fleet in self.fleets
            for number in range(1, fleet.count + 1)
        ]
        return [*self.machines, *fleet]


def load(path: Path) -> FloorConfig:
    """Read a file.

    Raises:
        OSError: when it cannot be read.
        ValueError: when it is no YAML, a key is unknown or a value wrong; the message names it.
    """
    try:
        config = msgspec.convert(yaml.safe_load(path.read_text()) or {}, FloorConfig)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
    check(config)
    return config


def check(config: FloorConfig) -> None:
    """Refuse what cannot run.

    Raises:
        ValueError: for a name twice, a unit twice at one port, an unknown layout, or OPC UA without certificates.
    """
    machines = config.all_machines()
    names = [machine.name for machine in machines]
    places = [(m.port, m.unit_id if m.protocol == "ModbusTCP" else 0) for m in machines if m.port]
    wrong = {
        "two machines have the same name": len(set(names)) < len(names),
        "two machines have the same port and unit": len(set(places)) < len(places),
        f"layout must be one of {', '.join(LAYOUTS)}": any(m.layout not in LAYOUTS for m in machines),
        "OPC UA needs certificates, or allowInsecure: true": not (config.certificates or config.allow_insecure)
        and any(m.protocol == "OPCUA" for m in machines),
    }
    for message, found in wrong.items():
        if found:
            raise ValueError(message)
