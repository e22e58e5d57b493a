"""Write crds/<plural>.yaml and the conditions reference, or with --check fail when one is stale."""

import sys
from pathlib import Path

from plantwright_api.schema.files import generated_files

ROOT = Path(__file__).parents[3]


def main(arguments: list[str]) -> int:
    """Return 0 when all files are written or (with --check) current, 1 when a file is stale."""
    stale = {path: text for path, text in generated_files().items() if not current(ROOT / path, text)}
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is stale: run `make crds`")
        return 1 if stale else 0
    for path, text in stale.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
        print(f"wrote {path}")
    return 0


def current(path: Path, text: str) -> bool:
    """Whether the file on disk already has this text."""
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
