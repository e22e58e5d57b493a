"""`python -m plantwright_dashboards [FOLDER]`: write the dashboards' JSON, into the chart unless told otherwise."""

import sys
from pathlib import Path

from plantwright_dashboards.catalogue import FOLDER, texts


def write(folder: Path) -> None:
    """Write each dashboard's file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
