"""Values in quarantine judged once more, by the configuration in force now. Pure.

A value is judged by what can be known from it alone: its names, scale, type, range, enum, length and pattern, and by fields
that block their contract. What its neighbours said at the time is not known any more: a value kept out for its rate of change
or for a rule over several fields stays until the contract no longer keeps such values out.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from plantwright_api.wire.config import Contract, ContractField, Machine
from plantwright_gateway.app.pipeline import Pipeline, judge
from plantwright_gateway.app.pseudonyms import withheld
from plantwright_gateway.buffer.records import Held
from plantwright_gateway.check.reasons import CHANGES_TOO_FAST, RULE_VIOLATED
from plantwright_gateway.check.verdict import action_of
from plantwright_gateway.context.events import Row, unpacked
from plantwright_gateway.context.pseudonym import Pseudonyms
from plantwright_gateway.context.situation import Situation
from plantwright_gateway.ports.source import Sample

NOT_KEPT: Final = "NotKept"
"""A value that a source could not make, or that was too large: there is nothing to judge again."""
NO_SIGNAL: Final = "NoSignal"
"""No signal of the profile fills the field any more."""


class Judged(NamedTuple):
    """What became of some values: the rows that go out, the ids they came from, and per id what keeps the others."""

    rows: list[Row]
    released: list[int]
    kept: list[tuple[int, str]]


class Rejudge:
    """One replay under one configuration; to be given all values in the order in which they came.

    Raises:
        ValueError, LookupError: the configuration contradicts itself.
    """

    def __init__(
        self,
        machine: Machine,
        config_hash: str,
        gateway_version: str,
        pseudonyms: Pseudonyms | None = None,
        situation: Situation | None = None,
    ) -> None:
        self._situation = situation or Situation()
        alone = msgspec.structs.replace(machine, contracts=[_alone(contract) for contract in machine.contracts])
        self._pipeline = Pipeline(alone, config_hash, gateway_version, pseudonyms)
        self._by_field = {(signal.contract, signal.field): signal.name for signal in machine.signals}
        self._kept_out = frozenset(reason for contract in machine.contracts for reason in _by_neighbours(contract))

    def judge(self, values: Sequence[Held], now_ns: int) -> Judged:
        """Judge values, next after those of the call before."""
        kept: list[tuple[int, str]] = []
        asked: list[int] = []
        samples: list[Sample] = []
        for value in values:
            found = self._sample(value)
            if isinstance(found, str):
                kept.append((value.id, found))
            else:
                asked.append(value.id)
                samples.append(found)
        signals = self._pipeline.signals
        verdicts = [judge(sample, signals[sample.signal]) for sample in samples]
        settled = withheld(self._pipeline.pseudonyms, samples, self._pipeline.rules.settle(samples, verdicts))
        judged = list(zip(asked, samples, settled, strict=True))
        kept += [(each, verdict.refused) for each, _, verdict in judged if verdict.refused]
        fine = [entry for entry in judged if not entry[2].refused]
        samples, settled = [sample for _, sample, _ in fine], [verdict for _, _, verdict in fine]
        rows = self._pipeline.replayed(samples, settled, now_ns, self._situation)
        return Judged(list(rows), [each for each, _, _ in fine], sorted(kept))

    def _sample(self, value: Held) -> Sample | str:
        """What is to be judged, or why it stays without being judged."""
        if value.packed is None:
            return NOT_KEPT
        if not self._kept_out.isdisjoint({(value.contract, value.field, value.reason), (value.contract, value.reason)}):
            return value.reason
        signal = self._signal(value)
        if signal is None:
            return NO_SIGNAL
        try:
            raw, quality = unpacked(value.packed)
        except msgspec.MsgspecError:  # damaged on the disk
            return NOT_KEPT
        return Sample(signal, raw, value.time_ns, quality)

    def _signal(self, value: Held) -> str | None:
        """The signal it came from; where that was renamed, the one that fills its field now."""
        if value.signal in self._pipeline.signals:
            return value.signal
        return self._by_field.get((value.contract, value.field))


def _alone(contract: Contract) -> Contract:
    """The contract without what only neighbours can be held to."""
    fields = [msgspec.structs.replace(field, max_change_per_second=None) for field in contract.fields]
    return msgspec.structs.replace(contract, fields=fields, rules=[])


def _by_neighbours(contract: Contract) -> Iterator[tuple[str, ...]]:
    """What the contract still keeps out by what came before or beside it: (contract, field, reason) or (contract, reason)."""
    for field in contract.fields:
        if _too_fast_is_kept_out(field):
            yield contract.name, field.name, CHANGES_TOO_FAST
    for rule in contract.rules:
        if rule.on_violation == "Quarantine":
            yield contract.name, f"{RULE_VIOLATED}:{rule.name}"


def _too_fast_is_kept_out(field: ContractField) -> bool:
    return field.max_change_per_second is not None and action_of(field, "RateOfChange") != "Flag"


def whole_times(page: Sequence[Held]) -> Sequence[Held]:
    """Those values of a page that are surely whole: what shares its source time with the end may go on in the next page."""
    if not page or page[0].time_ns == page[-1].time_ns:
        return page
    end = len(page)
    while page[end - 1].time_ns == page[-1].time_ns:
        end -= 1
    return page[:end]


def tally(reasons: Iterable[tuple[int, str]], before: dict[str, int]) -> dict[str, int]:
    """How many stay, per reason."""
    counts = dict(before)
    for _, reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return counts
