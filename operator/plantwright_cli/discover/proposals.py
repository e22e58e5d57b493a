"""Propose at most one candidate for each field, each candidate at most once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plantwright_api.v1alpha1 import DataContract
from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_cli.discover.assignment import assign
from plantwright_cli.discover.candidates import Candidate
from plantwright_cli.discover.matching import Match, Offered, Wanted, match

ACCEPTED: Final = 0.72
"""Score from which a match is proposed; `tests/discover/measure.py` shows what it lets through."""
CLEAR: Final = 0.04
"""The next best candidate must lie at least this far behind, or there are two and a person has to choose."""
CONSIDERED: Final = 8
"""Candidates per field that take part in the assignment."""
ALTERNATIVES: Final = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for one field.

    `ranked` holds the candidates for it, the assigned one first, at most three. `accepted`: the first is good enough to
    be written into the profile; else `doubt` says why it is not.
    """

    contract: DataContract
    field: ContractField
    ranked: tuple[Match, ...]
    accepted: bool
    doubt: str = ""

    @property
    def best(self) -> Match | None:
        """The first candidate, if there is any."""
        return self.ranked[0] if self.ranked else None


def propose(contracts: Sequence[DataContract], candidates: Sequence[Candidate]) -> list[Proposal]:
    """One proposal per field of the contracts, in their order."""
    offered = [Offered(candidate) for candidate in candidates]
    fields = [(contract, field) for contract in contracts for field in contract.spec.fields]
    rows = [_candidates(Wanted(field), offered) for _, field in fields]
    weights = {row: {m.candidate: m.score**2 for m in found[:CONSIDERED]} for row, found in enumerate(rows) if found}
    chosen = assign(weights)
    return [_proposal(*fields[row], found, chosen.get(row), rows, chosen) for row, found in enumerate(rows)]


def _candidates(wanted: Wanted, offered: Sequence[Offered]) -> list[Match]:
    """Candidates for one field, the best first; equal scores keep the machine's order."""
    found = [m for index, one in enumerate(offered) if (m := match(wanted, one, index)) is not None]
    return sorted(found, key=lambda m: (-m.score, m.candidate))


def _proposal(
    contract: DataContract,
    field: ContractField,
    found: list[Match],
    column: int | None,
    rows: Sequence[Sequence[Match]],
    chosen: dict[int, int],
) -> Proposal:
    first = [m for m in found if m.candidate == column]
    ranked = tuple((first + [m for m in found if m.candidate != column])[:ALTERNATIVES])
    if not first:
        doubt = "what comes near goes to another field" if found else "nothing on the machine fits"
        return Proposal(contract, field, ranked, accepted=False, doubt=doubt)
    taken = {other: _score(rows[row], other) for row, other in chosen.items()}
    doubt = _doubt(first[0], [m for m in found if m.candidate != column], taken)
    return Proposal(contract, field, ranked, accepted=not doubt, doubt=doubt)


def _doubt(best: Match, others: Sequence[Match], taken: dict[int, float]) -> str:
    """Why the best is not accepted, or ""."""
    if best.score < ACCEPTED:
        return f"its score {best.score:.2f} is below {ACCEPTED}"
    rival = next((m for m in others if m.score > best.score - CLEAR and m.score >= taken.get(m.candidate, 0)), None)
    return "another fits as well" if rival is not None else ""


def _score(matches: Sequence[Match], candidate: int) -> float:
    return next((m.score for m in matches if m.candidate == candidate), 0.0)
