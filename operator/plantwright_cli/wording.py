"""How several commands write the same things."""

from typing import Any

from plantwright_operator.decide.evolution import Change


def count(number: int, noun: str) -> str:
    """Such as `1 plant` and `2 plants`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def change_json(change: Change) -> dict[str, Any]:
    """A change of a contract, for programs."""
    return {
        "path": change.path,
        "before": change.before,
        "after": change.after,
        "consumer": change.judgement.consumer,
        "producer": change.judgement.producer,
        "why": change.judgement.why,
    }
