"""What `discover` found, as a table for people and as data for programs."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from plantwright_cli.discover.candidates import Offer
from plantwright_cli.discover.profile import Draft
from plantwright_cli.discover.proposals import Proposal
from plantwright_cli.discover.rendering import left_over
from plantwright_cli.tables import plain, table


def is_well(draft: Draft, offer: Offer) -> bool:
    """Every required field has a signal, the operator would take the profile, and the machine was seen as a whole."""
    return draft.body is not None and draft.refusal is None and not offer.incomplete


def show(console: Console, draft: Draft, offer: Offer, proposals: Sequence[Proposal]) -> None:
    """Print the proposals field by field, and what is unmatched on both sides."""
    made = table("field", "signal", "score", "why", title=f"{offer.source}: {len(offer.candidates)} signals")
    held = {id(entry.proposal): entry.held_back for entry in draft.entries}
    for proposal in proposals:
        made.add_row(*map(plain, _row(proposal, offer, held.get(id(proposal), ""))))
    console.print(made)
    for text in _notes(draft, offer, proposals):
        console.print(plain(text), highlight=False)


def _row(proposal: Proposal, offer: Offer, held: str) -> tuple[str, str, str, str]:
    name = proposal.field.name + (" *" if proposal.field.required else "")
    best = proposal.best
    if best is None or not proposal.accepted:
        maybe = f"perhaps {offer.candidates[best.candidate].place}" if best else "-"
        return name, maybe, f"{best.score:.2f}" if best else "", proposal.doubt
    place = offer.candidates[best.candidate].place
    return name, place, f"{best.score:.2f}", f"held back: {held}" if held else "; ".join(best.reasons)


def _notes(draft: Draft, offer: Offer, proposals: Sequence[Proposal]) -> list[str]:
    written = sum(not entry.held_back for entry in draft.entries)
    notes = [
        f"{written} of {len(proposals)} fields proposed (* required); {len(left_over(offer, proposals))} signals left over"
    ]
    if offer.companions:
        notes.append(f"companion specifications: {', '.join(offer.companions)}")
    notes += [f"warning: {warning}" for warning in offer.warnings]
    notes += [f"{e.signal['name']}: codes of {e.named.table}: {e.named.reason}" for e in draft.entries if e.named]
    notes += [f"spec.{model.name}: {model.reason}" for model in draft.models]
    if draft.refusal is not None:
        notes.append(f"not usable yet: {draft.refusal.reason}: {draft.refusal.message}")
    return notes


def as_data(draft: Draft, offer: Offer, proposals: Sequence[Proposal]) -> dict[str, Any]:
    """Everything as JSON would have it."""
    refusal = draft.refusal
    return {
        "source": offer.source,
        "protocol": offer.protocol,
        "complete": not offer.incomplete,
        "warnings": list(offer.warnings),
        "companions": list(offer.companions),
        "fields": [_field(proposal, offer, draft) for proposal in proposals],
        "leftOver": [{"place": c.place, "address": c.address, "unit": c.unit} for c in left_over(offer, proposals)],
        "models": [model._asdict() for model in draft.models],
        "profile": draft.body,
        "usable": is_well(draft, offer),
        "refusal": None if refusal is None else {"reason": refusal.reason, "message": refusal.message},
    }


def _field(proposal: Proposal, offer: Offer, draft: Draft) -> dict[str, Any]:
    entry = next((entry for entry in draft.entries if entry.proposal is proposal), None)
    held, named = (entry.held_back, entry.named) if entry is not None else ("", None)
    return {
        "contract": proposal.contract.family(),
        "field": proposal.field.name,
        "required": proposal.field.required,
        "proposed": proposal.accepted and not held,
        "doubt": held or proposal.doubt,
        "codes": None if named is None else named._asdict(),
        "candidates": [
            {
                "place": offer.candidates[m.candidate].place,
                "address": offer.candidates[m.candidate].address,
                "score": m.score,
                "reasons": list(m.reasons),
            }
            for m in proposal.ranked
        ],
    }
