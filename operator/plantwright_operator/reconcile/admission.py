"""Keeps the endpoint budget: who claims which device, and who has been let in."""

from collections.abc import Iterator

from plantwright_api.v1alpha1 import Machine
from plantwright_operator.decide import budget
from plantwright_operator.decide.budget import Claim, Grant
from plantwright_operator.desired.names import child_name
from plantwright_operator.model import Key, Refusal, Resolved
from plantwright_operator.reconcile.catalog import Catalog, parse
from plantwright_operator.reconcile.observed import Observed

_UNLIMITED = 1_000_000


class Admission:
    """Judges claims one at a time in the event loop, so that two machines never both take the last session."""

    def __init__(self, observed: Observed, catalog: Catalog) -> None:
        self._observed = observed
        self._catalog = catalog
        self._admitted: dict[Key, str] = {}
        self._memo: dict[Key, tuple[tuple[int, int], Claim | None]] = {}

    def judge(self, resolved: Resolved) -> Grant | Refusal:
        """Whether this machine may read its device."""
        meta = resolved.machine.metadata
        key, device = Key("Machine", meta.namespace, meta.name), resolved.endpoint.device
        own = budget.claim(resolved, self._is_incumbent(key, device))
        verdict = budget.judge(key, device, [own, *self._others(key, device)])
        if isinstance(verdict, Grant):
            self._admitted[key] = device
        else:
            self._admitted.pop(key, None)
        return verdict

    def forget(self, machine: Key) -> None:
        """The machine is gone."""
        self._admitted.pop(machine, None)
        self._memo.pop(machine, None)

    def _others(self, own: Key, device: str) -> Iterator[Claim]:
        claimants = self._observed.machines_at(device)
        for key in claimants - {own}:
            claim = self._claim(key)
            if claim is not None:
                yield claim._replace(incumbent=self._is_incumbent(key, device))
            elif key in self._observed.gateways_at(device):
                yield _running(key)
        for key in self._observed.gateways_at(device) - claimants - {own}:
            yield _running(key)

    def _claim(self, key: Key) -> Claim | None:
        """The claim of another machine; None where it is refused for a reason of its own."""
        stamp = (self._observed.version(key), self._catalog.version)
        known = self._memo.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        body = self._observed.get(key)
        machine = parse(Machine, body) if body is not None else None
        judged = self._catalog.judge(machine) if isinstance(machine, Machine) else None
        claim = budget.claim(judged, incumbent=False) if isinstance(judged, Resolved) else None
        self._memo[key] = (stamp, claim)
        return claim

    def _is_incumbent(self, key: Key, device: str) -> bool:
        config_map = Key("ConfigMap", key.namespace, child_name(key.name))
        return self._admitted.get(key) == device or self._observed.device_in_force(config_map) == device


def _running(key: Key) -> Claim:
    """A gateway that reads the device though its machine names it no longer, or cannot be read: it holds a session."""
    return Claim(key, created="", incumbent=True, rate=0.0, max_sessions=_UNLIMITED, max_rate=None)
