"""Differences, losses and touched machines as tables for people and as JSON for programs."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from plantwright_cli.contracts.touched import Touched
from plantwright_cli.contracts.versions import Difference
from plantwright_cli.odcs.ledger import Loss, shown
from plantwright_cli.tables import plain, table
from plantwright_cli.wording import change_json, count
from plantwright_operator.decide.evolution import Change
from plantwright_operator.decide.extension import title

_COLOURS = {"Breaking": "red", "Additive": "green", "Editorial": "dim"}


def changes_table(changes: Iterable[Change]) -> Table:
    """One row per change, both sides' verdicts beside it."""
    made = table("field", "before", "after", "consumers", "machines", "why")
    for change in changes:
        judgement = change.judgement
        verdicts = (f"[{_COLOURS[v]}]{v}[/]" for v in (judgement.consumer, judgement.producer))
        made.add_row(plain(change.path), _value(change.before), _value(change.after), *verdicts, judgement.why)
    return made


def touched_table(rows: Iterable[Touched]) -> Table:
    """One row per machine whose profile refers to the contract."""
    made = table("plant", "machine", "profile", "range", "new version", "fields")
    for row in rows:
        outcome = _outcome(row)
        name = f"{row.namespace}/{row.machine}"
        made.add_row(row.plant, name, row.profile, plain(row.reference), plain(outcome), ", ".join(row.fields) or "-")
    return made


def losses_table(losses: Iterable[Loss]) -> Table:
    """One row per thing that was not carried over."""
    made = table("where", "what", "why")
    for loss in losses:
        made.add_row(*(plain(part) for part in loss))
    return made


def difference_json(found: Difference, rows: Sequence[Touched] | None) -> dict[str, Any]:
    """The whole answer of `contract diff`; `machines` is null where no tree was given."""
    return {
        "contract": found.new.family(),
        "from": found.old.spec.version,
        "to": found.new.spec.version,
        "changes": [change_json(change) for change in found.changes],
        "step": found.step._asdict(),
        "machines": None if rows is None else [row._asdict() for row in rows],
    }


def headline(found: Difference) -> str:
    """What is compared, and the outcome in numbers."""
    breaking = sum(change.breaking for change in found.changes)
    return f"{title(found.old)} -> {found.new.spec.version}: {count(len(found.changes), 'change')}, {breaking} breaking"


def summary(rows: Sequence[Touched]) -> str:
    """How many machines and plants take the new version, and how many cannot."""
    taking = [row for row in rows if row.takes]
    plants = {(row.namespace, row.plant) for row in taking}
    refused = sum(bool(row.refused) for row in taking)
    share = f"{len(taking)} of {count(len(rows), 'machine')}"
    return f"by their range {share} in {count(len(plants), 'plant')} take it; {refused} cannot run under it"


def _outcome(row: Touched) -> str:
    if not row.takes:
        return "stays" if not row.refused else f"stays; if widened: {row.refused}"
    return f"refused: {row.refused}" if row.refused else "taken"


def _value(value: Any) -> str:
    return "-" if value is None else plain(shown(value))
