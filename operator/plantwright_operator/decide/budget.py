"""The endpoint budget: who may open a session with a device, and how many requests a second each may send.

A small PLC takes three sessions and dies of the fourth. Every machine that names the same host and port makes a claim;
claims are admitted in a fixed order until sessions or requests are used up. Who reads the device already comes first, so
that a newcomer never pushes a running gateway out; among the others the oldest wins, and the name decides a tie.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from plantwright_api.v1alpha1.machineprofile import Acquisition, MachineProfileSpec
from plantwright_operator.model import Key, Refusal, Resolved, ResolvedSignal

_BITS_PER_REQUEST = 2000
_ITEMS_PER_READ = 1000
_WIDTH = {"Int32": 2, "UInt32": 2, "Float32": 2, "Int64": 4, "UInt64": 4, "Float64": 4}
"""Registers a value takes; those not listed take one."""


class Claim(NamedTuple):
    """One machine's need at a device: one session and `rate` requests per second; limits are its profile's."""

    key: Key
    created: str
    incumbent: bool
    rate: float
    max_sessions: int
    max_rate: int | None


class Grant(NamedTuple):
    """A claim that is admitted; `requests_per_second` is its share of the device's limit, None where there is none."""

    requests_per_second: int | None


def claim(resolved: Resolved, incumbent: bool) -> Claim:
    """What a machine asks of its device."""
    meta = resolved.machine.metadata
    acquisition = resolved.profile.spec.acquisition
    return Claim(
        key=Key("Machine", meta.namespace, meta.name),
        created=meta.creation_timestamp,
        incumbent=incumbent,
        rate=request_rate(resolved.profile.spec, resolved.signals),
        max_sessions=acquisition.max_sessions,
        max_rate=acquisition.max_requests_per_second,
    )


def judge(key: Key, device: str, claims: Iterable[Claim]) -> Grant | Refusal:
    """Whether this machine may read the device, given all claims on it (its own among them)."""
    admitted: list[Claim] = []
    for candidate in sorted(claims, key=_order):
        refusal = _exceeds(candidate, admitted, device)
        if refusal is None:
            admitted.append(candidate)
        elif candidate.key == key:
            return refusal
    limit = _lowest_rate(admitted)
    return Grant(None if limit is None else max(1, limit // max(1, len(admitted))))


def request_rate(profile: MachineProfileSpec, signals: Sequence[ResolvedSignal]) -> float:
    """Requests per second that reading these signals takes, as the gateway will plan them."""
    acquisition = profile.acquisition
    if profile.protocol == "OPCUA" and acquisition.mode == "Subscribe":
        return 1000 / acquisition.publishing_interval_milliseconds
    by_interval: dict[int, list[ResolvedSignal]] = defaultdict(list)
    for resolved in (each for each in signals if each.signal.expression is None):
        by_interval[resolved.signal.interval_milliseconds or acquisition.interval_milliseconds].append(resolved)
    count = _opcua_reads if profile.protocol == "OPCUA" else _modbus_reads
    return sum(count(group, profile) * 1000 / interval for interval, group in by_interval.items())


def _order(candidate: Claim) -> tuple[bool, str, Key]:
    return not candidate.incumbent, candidate.created, candidate.key


def _exceeds(candidate: Claim, admitted: Sequence[Claim], device: str) -> Refusal | None:
    everyone = [*admitted, candidate]
    sessions = min(c.max_sessions for c in everyone)
    names = ", ".join(f"{c.key.namespace}/{c.key.name}" for c in admitted[:5])
    if len(everyone) > sessions:
        return Refusal(
            "EndpointBudgetExceeded",
            f"spec.endpoint.url: {device} takes {sessions} sessions (the profile's acquisition.maxSessions), taken by "
            f"{names}; remove one of them, or raise the limit if the device takes more",
        )
    limit = _lowest_rate(everyone)
    total = sum(c.rate for c in everyone)
    if limit is None or total <= limit:
        return None
    others = f" together with {names}" if names else ""
    return Refusal(
        "EndpointBudgetExceeded",
        f"spec.endpoint.url: {device} takes {limit} requests per second (the profile's acquisition.maxRequestsPerSecond) "
        f"and this machine{others} needs {total:.1f}; read less often, or raise the limit if the device takes more",
    )


def _lowest_rate(claims: Iterable[Claim]) -> int | None:
    return min((c.max_rate for c in claims if c.max_rate is not None), default=None)


def _opcua_reads(group: Sequence[ResolvedSignal], profile: MachineProfileSpec) -> int:
    acquisition: Acquisition = profile.acquisition
    return math.ceil(len(group) / (acquisition.max_items_per_request or _ITEMS_PER_READ))


def _modbus_reads(group: Sequence[ResolvedSignal], profile: MachineProfileSpec) -> int:
    """Requests for one cycle: addresses of one table and unit are read together across small gaps."""
    spans: dict[tuple[str, int | None], list[tuple[int, int]]] = defaultdict(list)
    for resolved in group:
        address = resolved.modbus
        if address is not None:
            width = math.ceil(address.length / 2) if address.length else _WIDTH.get(address.type, 1)
            spans[address.table, address.unit_id].append((address.address, address.address + width))
    return sum(_blocks(sorted(found), table, profile) for (table, _), found in spans.items())


def _blocks(spans: Sequence[tuple[int, int]], table: str, profile: MachineProfileSpec) -> int:
    registers = table in ("InputRegister", "HoldingRegister")
    most = profile.modbus.max_registers_per_request if registers else _BITS_PER_REQUEST
    gap = profile.modbus.max_gap_registers
    blocks, start, end = 0, 0, 0
    for low, high in spans:
        if blocks and low - end <= gap and high - start <= most:
            end = max(end, high)
            continue
        blocks, start, end = blocks + 1, low, high
    return blocks
