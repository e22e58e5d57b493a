"""The report as text for a terminal, as Markdown for a page, as JSON for a program."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal

from plantwright_api.v1alpha1.base import Owner
from plantwright_cli.report.entries import STATES, Entry
from plantwright_cli.wording import cell, count

Output = Literal["text", "markdown", "json"]


def headline(entries: Sequence[Entry]) -> str:
    """The report in one sentence."""
    counts = Counter(entry.state for entry in entries)
    told = ", ".join(f"{counts[state]} {state.lower()}" for state in STATES if counts[state])
    teams = len({entry.owner.team for entry in entries})
    return f"{told}; {count(teams, 'team')}" if told else "Nothing is broken, waived or due."


def text(entries: Sequence[Entry]) -> str:
    """A block per team."""
    return "\n".join([headline(entries), *(line for owner, own in _by_owner(entries) for line in _block(owner, own))])


def markdown(entries: Sequence[Entry]) -> str:
    """A table per team."""
    lines = [f"**{headline(entries)}**"]
    for owner, own in _by_owner(entries):
        lines += [f"\n### {_addressed(owner)}\n", "| state | object | since | what |", "|---|---|---|---|"]
        lines += [f"| {e.state} | {e.kind} {e.name} | {e.since} | {cell(e.message)} |" for e in own]
    return "\n".join(lines)


def as_json(entries: Sequence[Entry]) -> str:
    """A list."""
    found = [
        {
            "owner": entry.owner.model_dump(exclude_none=True),
            "state": entry.state,
            "kind": entry.kind,
            "namespace": entry.name.namespace,
            "name": entry.name.name,
            "since": entry.since,
            "message": entry.message,
        }
        for entry in entries
    ]
    return json.dumps(found, indent=2)


RENDERERS: Mapping[Output, Callable[[Sequence[Entry]], str]] = {"text": text, "markdown": markdown, "json": as_json}


def _by_owner(entries: Sequence[Entry]) -> Iterator[tuple[Owner, list[Entry]]]:
    """Entries come sorted by team; the first one's contact and steward stand for the team."""
    for _, group in groupby(entries, key=lambda entry: entry.owner.team):
        own = list(group)
        yield own[0].owner, own


def _block(owner: Owner, entries: Sequence[Entry]) -> Iterator[str]:
    yield f"\n{_addressed(owner)}"
    for entry in entries:
        yield f"  {entry.state:<8}  {entry.kind} {entry.name}  {entry.since}"
        yield f"            {entry.message}"


def _addressed(owner: Owner) -> str:
    more = ", ".join(filter(None, (owner.contact, f"steward: {owner.steward}" if owner.steward else None)))
    return f"{owner.team} ({more})" if more else owner.team
