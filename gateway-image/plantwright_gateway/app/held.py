"""What the gateway shows of its quarantine."""

from collections.abc import Iterable
from typing import Final

from plantwright_api.wire.config import Machine
from plantwright_api.wire.quarantine import GatewayQuarantine, Kind, MachineQuarantine, Value
from plantwright_gateway.app.gateway import Gateway
from plantwright_gateway.app.machine import MachineRuntime
from plantwright_gateway.buffer.records import Held, HeldKind
from plantwright_gateway.context.times import rfc3339

SHOWN: Final = 100
"""Newest values of a machine that are shown; all of them are in its kinds."""
HIDDEN: Final = "(not shown: the field is pseudonymised)"


async def show(gateway: Gateway) -> GatewayQuarantine:
    """The quarantine of all machines.

    Raises:
        sqlite3.Error: a buffer cannot be read now.
    """
    return GatewayQuarantine(machines=[await _machine(machine) for machine in gateway.machines.values()])


async def _machine(machine: MachineRuntime) -> MachineQuarantine:
    kinds, newest = await machine.buffer.newest_held(SHOWN)
    config, stats = (machine.current or machine.wanted).machine, machine.buffer.stats
    return MachineQuarantine(
        name=config.name,
        held=stats.held,
        dropped=stats.held_dropped,
        kinds=[_kind(kind) for kind in kinds],
        newest=list(_values(newest, config)),
    )


def _kind(kind: HeldKind) -> Kind:
    return Kind(
        contract=kind.contract,
        contract_version=kind.version,
        field=kind.field,
        reason=kind.reason,
        count=kind.number,
        replayable=kind.replayable,
        first_time=rfc3339(kind.first_ns),
        last_time=rfc3339(kind.last_ns),
    )


def _values(held: Iterable[Held], config: Machine) -> Iterable[Value]:
    hidden = {
        (contract.name, field.name) for contract in config.contracts for field in contract.fields if field.pseudonymise
    }
    for each in held:
        yield Value(
            time=rfc3339(each.time_ns),
            recorded_time=rfc3339(each.recorded_ns),
            contract=each.contract,
            field=each.field,
            signal=each.signal,
            value=HIDDEN if (each.contract, each.field) in hidden else each.value,
            reason=each.reason,
        )
