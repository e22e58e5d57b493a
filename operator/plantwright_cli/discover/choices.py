"""What the user has decided: which candidate fills a field (`--pick`), and what codes mean (`--codes`)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from plantwright_cli.discover.candidates import Candidate
from plantwright_cli.discover.matching import Match
from plantwright_cli.discover.proposals import Proposal
from plantwright_cli.errors import UserError

PICKED = "picked by hand"


class Choices(NamedTuple):
    """Field -> place or address of the candidate ("" for none), and field -> code -> name."""

    picks: Mapping[str, str] = {}
    codes: Mapping[str, Mapping[str, str]] = {}


def read(picks: Iterable[str], codes: Iterable[str]) -> Choices:
    """Read `field=place` and `field=0:Idle,1:Production`.

    Raises:
        UserError: one of them is not so written.
    """
    found: dict[str, dict[str, str]] = {}
    for text in codes:
        field, listed = _parts(text, "--codes", "state=0:Idle,1:Production")
        pairs = [pair.partition(":") for pair in listed.split(",")]
        if not all(code and name for code, _, name in pairs):
            raise UserError(f"--codes {text}: write a code and a name for each, as in state=0:Idle,1:Production")
        found[field] = {code.strip(): name.strip() for code, _, name in pairs}
    return Choices(dict(_parts(text, "--pick", "power=Energy/P_act") for text in picks), found)


def _parts(text: str, option: str, example: str) -> tuple[str, str]:
    field, equals, rest = text.partition("=")
    if not field or not equals:
        raise UserError(f"{option} {text}: write it as {option} {example}")
    return field, rest


def apply(proposals: Sequence[Proposal], candidates: Sequence[Candidate], choices: Choices) -> list[Proposal]:
    """The proposals with what was picked by hand; a candidate picked for one field is free for no other.

    Raises:
        UserError: a choice names a field or a candidate that there is not.
    """
    _known(proposals, choices)
    picked = {field: _find(candidates, field, place) for field, place in choices.picks.items() if place}
    refused = {field for field, place in choices.picks.items() if not place}
    return [_one(proposal, picked, refused) for proposal in proposals]


def _one(proposal: Proposal, picked: Mapping[str, int], refused: set[str]) -> Proposal:
    name = proposal.field.name
    rest = tuple(m for m in proposal.ranked if m.candidate not in picked.values())
    if name in picked:
        best = Match(picked[name], 1.0, (PICKED,))
        return Proposal(proposal.contract, proposal.field, (best, *rest)[:3], accepted=True)
    if name in refused:
        return Proposal(proposal.contract, proposal.field, rest, accepted=False, doubt="left out by hand")
    if rest[:1] == proposal.ranked[:1]:
        return Proposal(proposal.contract, proposal.field, rest, proposal.accepted, proposal.doubt)
    return Proposal(proposal.contract, proposal.field, rest, accepted=False, doubt="what fitted was picked for another")


def _known(proposals: Sequence[Proposal], choices: Choices) -> None:
    fields = {proposal.field.name for proposal in proposals}
    for option, named in (("--pick", choices.picks), ("--codes", choices.codes)):
        for field in named:
            if field not in fields:
                raise UserError(
                    f"{option} {field}: the contracts have no such field; they have {', '.join(sorted(fields))}"
                )


def _find(candidates: Sequence[Candidate], field: str, place: str) -> int:
    found = [index for index, c in enumerate(candidates) if place in (c.place, c.address)]
    found = found or [index for index, c in enumerate(candidates) if f"/{c.place}".endswith(f"/{place}")]
    if len(found) == 1:
        return found[0]
    what = "no signal is" if not found else f"{len(found)} signals are"
    raise UserError(f"--pick {field}={place}: {what} called that; give the whole path or the address from the report")
