"""The draft as YAML to review: why each signal was chosen, what else would fit, and what is unmatched, as comments.

Texts of a machine are data: in a comment they lose line breaks and control characters, so that none can become YAML.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import yaml

from plantwright_cli.discover.candidates import Candidate, Offer
from plantwright_cli.discover.matching import Match
from plantwright_cli.discover.profile import Draft, Entry
from plantwright_cli.discover.proposals import Proposal

LONGEST_COMMENT: Final = 200
SHOWN_LEFT: Final = 50
ORDINALS: Final = ("1st", "2nd", "3rd")


def render(draft: Draft, offer: Offer, proposals: Sequence[Proposal]) -> str:
    """The whole file; where nothing could be proposed it holds comments only."""
    lines = list(_head(draft, offer))
    if draft.body is not None:
        spec = dict(draft.body["spec"])
        for name in ("signals", *(model.name for model in draft.models)):
            spec.pop(name)
        lines += _yaml({**draft.body, "spec": spec}).splitlines()
        lines.append("  signals:")
    for entry in draft.entries:
        lines += _entry(entry, offer)
    for model in draft.models:
        lines.append(comment(model.reason, 2))
        lines += (f"  {line}" for line in _yaml({model.name: model.value}).splitlines())
    lines += _unmatched(offer, proposals)
    return "\n".join([*lines, *_left_over(offer, proposals), ""])


def comment(text: str, indent: int = 0) -> str:
    """One line of comment from any text."""
    plain = " ".join(re.sub(r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd]", " ", text).split())
    cut = plain if len(plain) <= LONGEST_COMMENT else plain[: LONGEST_COMMENT - 1] + "…"
    return f"{' ' * indent}# {cut}"


def told(match: Match, candidate: Candidate) -> str:
    """One candidate in words: where it is, how well it fits, and why."""
    return f"{candidate.place} ({match.score:.2f}: {'; '.join(match.reasons)})"


def _head(draft: Draft, offer: Offer) -> Iterator[str]:
    yield comment(f"Proposed by `plantwright discover` from {offer.source}. Review every signal, then publish it.")
    if offer.companions:
        yield comment(f"Companion specifications found: {', '.join(offer.companions)}")
    yield from (comment(f"Warning: {warning}") for warning in offer.warnings)
    if draft.refusal is not None:
        yield comment(f"Not usable yet: {draft.refusal.reason}: {draft.refusal.message}")


def _entry(entry: Entry, offer: Offer) -> Iterator[str]:
    ranked = entry.proposal.ranked
    yield comment(told(ranked[0], entry.candidate), 4)
    for ordinal, match in zip(ORDINALS[1:], ranked[1:], strict=False):
        yield comment(f"{ordinal}: {told(match, offer.candidates[match.candidate])}", 4)
    if entry.named is not None:
        yield comment(f"Codes of {entry.named.table}: {entry.named.reason}", 4)
    yield from (comment(f"See to it: {note}", 4) for note in entry.notes)
    body = _yaml([entry.signal]).splitlines()
    if entry.held_back:
        yield comment(f"Held back: {entry.held_back}", 4)
        yield from (comment(line, 4) for line in body)
    else:
        yield from (f"    {line}" for line in body)


def _unmatched(offer: Offer, proposals: Sequence[Proposal]) -> Iterator[str]:
    missing = [p for p in proposals if not p.accepted]
    if missing:
        yield comment("Contract fields without a proposal:")
    for proposal in missing:
        needed = ", required" if proposal.field.required else ""
        yield comment(f"- {proposal.contract.family()}.{proposal.field.name}{needed}: {proposal.doubt}")
        for match in proposal.ranked:
            yield comment(f"- - perhaps {told(match, offer.candidates[match.candidate])}")


def _left_over(offer: Offer, proposals: Sequence[Proposal]) -> Iterator[str]:
    left = left_over(offer, proposals)
    if left:
        yield comment("Signals of the machine that no field takes:")
    yield from (comment(f"- {c.place} {c.raw_type} {c.unit}".rstrip() + f": {c.address}") for c in left[:SHOWN_LEFT])
    if len(left) > SHOWN_LEFT:
        yield comment(f"- and {len(left) - SHOWN_LEFT} more; --output json lists all")


def left_over(offer: Offer, proposals: Iterable[Proposal]) -> list[Candidate]:
    """Candidates that no accepted proposal takes, in the machine's order."""
    taken = {p.best.candidate for p in proposals if p.accepted and p.best is not None}
    return [c for index, c in enumerate(offer.candidates) if index not in taken]


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1000)
