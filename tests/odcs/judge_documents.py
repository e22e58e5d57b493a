"""`python tests/odcs/judge_documents.py FOLDER`: import each ODCS document below a folder, export what it gave, and judge both.

A document is imported or refused with a path. What it says is in a contract or listed as lost; each export meets the standard's
JSON schema, and `datacontract lint` where that is on the PATH. Exit status 1 where one of it does not hold.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plantwright_api.v1alpha1.datacontract import DataContractSpec
from plantwright_cli.odcs.document import OdcsError, check, read, write
from plantwright_cli.odcs.exporting import Meta, export_odcs
from plantwright_cli.odcs.importing import Imported, import_odcs
from plantwright_cli.odcs.ledger import SAYS_NOTHING, Where, label
from plantwright_operator.decide.evolution import terms

LINTER = shutil.which("datacontract")
SAID_OTHERWISE = frozenset({"apiVersion", "kind", "status", "role", "required", "exclusiveMinimum", "exclusiveMaximum"})
"""Parts whose value does not stand in the contract as it was written: `active` is Published there."""

NOTHING = frozenset({*SAYS_NOTHING.items(), ("logicalType", "object")})


def leaves(where: Where, value: Any) -> Iterator[tuple[Where, Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if members is None:
        yield where, value
        return
    for step, member in members:
        yield from leaves((*where, step), member)


def silent(document: dict[str, Any], found: Imported) -> list[str]:
    """Paths whose value neither stands in a contract nor is at or below a listed loss."""
    arrived = {str(value).lower() for spec in found.specs for _, value in leaves((), spec)}
    arrived |= {id_.partition("/")[0].lower() for id_ in found.ids}
    lost = {loss.path for loss in found.losses}
    return [
        label(document, where)
        for where, value in leaves((), document)
        if value is not None
        and str(value).lower() not in arrived
        and lost.isdisjoint(label(document, where[:length]) for length in range(1, len(where) + 1))
        and not _without_words(where, value)
    ]


def _without_words(where: Where, value: Any) -> bool:
    key = next((step for step in reversed(where) if isinstance(step, str)), "")
    return key in SAID_OTHERWISE or (key, value) in NOTHING


def exports(found: Imported) -> Iterator[dict[str, Any]]:
    for spec, id_ in zip(found.specs, found.ids, strict=True):
        made, _ = export_odcs(terms(DataContractSpec.model_validate(spec)), Meta("unused", id_))
        check(made)
        yield made


def linted(document: dict[str, Any]) -> str:
    """What the linter says: accepted, refused, or that there is none."""
    if LINTER is None:
        return "exports not linted: datacontract is not on the PATH"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "exported.odcs.yaml"
        file.write_text(write(document), encoding="utf-8")
        answer = subprocess.run([LINTER, "lint", str(file)], capture_output=True, timeout=60, check=False)
    return "exports accepted by the linter" if answer.returncode == 0 else "exports REFUSED by the linter"


def judged(path: Path) -> Iterator[str]:
    """What one document came to, each a line of the summary."""
    try:
        document = read(path.read_text(encoding="utf-8"))
        found = import_odcs(document)
    except OdcsError as error:
        print(f"{path}: {error}")
        yield "refused with a path" if error.path else "REFUSED without a path"
        return
    unsaid = silent(document, found)
    print(f"{path}: contracts {len(found.specs)}, listed as lost {len(found.losses)}", *unsaid)
    yield "imported, a part LOST SILENTLY" if unsaid else "imported, nothing lost silently"
    for made in exports(found):
        yield "exports that meet the schema"
        yield linted(made)


def main(folder: str) -> int:
    counts = Counter(line for path in sorted(Path(folder).rglob("*.odcs.yaml")) for line in judged(path))
    for line, count in sorted(counts.items()):
        print(f"{count:>5} {line}")
    return int(any(word in line for line in counts for word in ("REFUSED", "LOST")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
