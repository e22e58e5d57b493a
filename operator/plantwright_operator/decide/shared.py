"""What many machines have in common, worked out once: contracts with what they inherit, and signals held to them.

Two hundred machines of one profile ask the same questions. An object counts as the same only where it is the same one in
memory; whoever keeps a `Shared` makes a new one when any profile or contract has changed.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile
from plantwright_operator.decide import extension, signals
from plantwright_operator.model import Refusal, ResolvedSignal


class Shared:
    """Answers by the identity of what was asked about, which is kept alive with them."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[Any, Any]] = {}

    def contract(
        self, contract: DataContract, candidates: Iterable[DataContract], within: Sequence[str]
    ) -> DataContract | Refusal:
        """The contract with what it inherits, or why it cannot build on what it names."""
        key = ("contract", id(contract), tuple(within))
        if key not in self._answers:
            self._answers[key] = (contract, extension.inherited(contract, candidates, within))
        found: DataContract | Refusal = self._answers[key][1]
        return found

    def signals(
        self, machine: Machine, profile: MachineProfile, contracts: Sequence[DataContract]
    ) -> tuple[ResolvedSignal, ...] | Refusal:
        """The machine's signals, settled, or the first thing wrong with them."""
        if machine.spec.signal_overrides:
            return _fitted(machine, profile, contracts)
        key = ("signals", id(profile), *map(id, contracts))
        if key not in self._answers:
            self._answers[key] = ((profile, contracts), _fitted(machine, profile, contracts))
        found: tuple[ResolvedSignal, ...] | Refusal = self._answers[key][1]
        return found


def _fitted(
    machine: Machine, profile: MachineProfile, contracts: Sequence[DataContract]
) -> tuple[ResolvedSignal, ...] | Refusal:
    merged = signals.merge(machine, profile)
    if isinstance(merged, Refusal):
        return merged
    return signals.check(merged, profile, contracts) or signals.settle(merged, profile, contracts)
