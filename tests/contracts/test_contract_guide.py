"""The table in the user's guide is the table that decides."""

from pathlib import Path

from plantwright_operator.decide.evolution import JUDGEMENTS

GUIDE = Path(__file__).parents[2] / "docs" / "guide-contracts.md"


def table() -> str:
    rows = ["| attribute | moved | consumers | machines | why | in an extension |", "|---|---|---|---|---|---|"]
    for (attribute, moved), judgement in JUDGEMENTS.items():
        allowed = "refused" if judgement.loosens else "allowed"
        rows.append(
            f"| `{attribute}` | {moved} | {judgement.consumer} | {judgement.producer} | {judgement.why} | {allowed} |"
        )
    return "\n".join(rows)


def test_the_guide_shows_the_table_that_decides() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert table() in text, f"put this into {GUIDE.name}:\n{table()}"
