"""Breaks each promise on purpose: every patch in this folder, applied to a copy of the tree, must turn its row's test red.

    python tests/mutants/run.py                     all of them
    python tests/mutants/run.py no-dedupe           those whose names are given

A patch begins with `# row: F3` and `# test: tests/…::test_…`, then a line that says what is broken. Exit status 0: every mutant was
found; 1: one was not, so its test has no teeth; 2: a patch does not fit the tree any more, or its test could not run.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "measured" / "mutants.md"
SHARED: Final = (".cache", ".run")
"""Downloads and compiled programs: a copy uses them where they are."""
TEST_SECONDS: Final = 600
FOUND, SURVIVED, BROKEN = 0, 1, 2
WORDS: Final = {FOUND: "red, as it must be", SURVIVED: "SURVIVED: the test stayed green", BROKEN: "could not be judged"}
HEAD: Final = """# Mutants

Made by `make test-mutants`: each patch under tests/mutants breaks a promise in a copy of the tree, and its row's quick test must
turn red.

| mutant | what is broken | row | test | outcome | date |
| --- | --- | --- | --- | --- | --- |
"""


class Mutant(NamedTuple):
    """One patch, and the test that must find it."""

    path: Path
    row: str
    test: str
    what: str


class Outcome(NamedTuple):
    """What came of a mutant: FOUND, SURVIVED or BROKEN, and pytest's last words."""

    mutant: Mutant
    status: int
    words: str


def mutant(path: Path) -> Mutant:
    """Read a patch's first lines.

    Raises:
        ValueError: they do not name a row and a test.
    """
    lines = [
        line.removeprefix("#").strip() for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "#"
    ]
    named = dict(line.split(": ", 1) for line in lines[:2] if ": " in line)
    if named.keys() != {"row", "test"}:
        raise ValueError(f"{path.name}: the first lines must be `# row: …` and `# test: …`")
    return Mutant(path, named["row"], named["test"], " ".join(lines[2:]))


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """A copy of the tree as it is now, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    with tempfile.TemporaryDirectory(prefix="plantwright-mutant-") as folder:
        copy = Path(folder) / "tree"
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (root / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, copy / name)
        for name in SHARED:
            if (root / name).exists():
                (copy / name).symlink_to(root / name)
        Path(folder).chmod(0o755)
        yield copy


def environment(copy: Path) -> dict[str, str]:
    """The copy's packages come before the installed ones, in the tests and in every process they start."""
    project = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf-8"))
    folders = [str(copy / name) for name in project["tool"]["hatch"]["build"]["dev-mode-dirs"]]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}


def judged(found: Mutant) -> Outcome:
    """Apply one patch and run its test."""
    with copied(ROOT) as copy:
        applied = subprocess.run(
            ["patch", "-p1", "--batch", "--input", str(found.path)],
            cwd=copy,
            check=False,
            capture_output=True,
            text=True,
        )
        if applied.returncode:
            return Outcome(found, BROKEN, f"the patch does not fit: {applied.stdout.strip().splitlines()[-1]}")
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", found.test]
        try:
            tested = subprocess.run(
                words,
                cwd=copy,
                env=environment(copy),
                check=False,
                capture_output=True,
                text=True,
                timeout=TEST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return Outcome(found, BROKEN, f"no end within {TEST_SECONDS} s")
    return Outcome(found, *_read(tested))


def _read(tested: "subprocess.CompletedProcess[str]") -> tuple[int, str]:
    """What pytest says: a test that was skipped or broke before it began finds nothing."""
    lines = tested.stdout.strip().splitlines() or tested.stderr.strip().splitlines() or ["nothing was said"]
    if tested.returncode == 1 and " failed" in lines[-1]:
        return FOUND, next((line for line in lines if line.startswith("FAILED ")), lines[-1]).partition(" - ")[2]
    if tested.returncode == 0 and " passed" in lines[-1]:
        return SURVIVED, lines[-1]
    return BROKEN, lines[-1]


def page(outcomes: list[Outcome]) -> str:
    """The outcomes as a table."""
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        (each.mutant.path.stem, each.mutant.what, each.mutant.row, f"`{each.mutant.test}`", WORDS[each.status], date)
        for each in outcomes
    ]
    return HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    """Judge the mutants; see the module for the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="patches without .patch; none: all")
    names = parser.parse_args().names
    paths = [path for path in sorted(Path(__file__).parent.glob("*.patch")) if not names or path.stem in names]
    if len(paths) < len(names) or not paths:
        print(f"error: no such patch among {', '.join(names)}", file=sys.stderr)
        return BROKEN
    outcomes = []
    for path in paths:
        began = time.monotonic()
        outcomes.append(judged(mutant(path)))
        _, status, words = outcomes[-1]
        print(
            f"{path.stem} ({outcomes[-1].mutant.row}): {WORDS[status]}. {words} [{time.monotonic() - began:.0f} s]",
            flush=True,
        )
    if not names:
        PAGE.write_text(page(outcomes), encoding="utf-8")
    return max(each.status for each in outcomes)


if __name__ == "__main__":
    sys.exit(main())
