"""Judges and lists what the programs are made of, from the locks: `supply.py audit` and `supply.py sbom FOLDER`.

Run by the Python of an environment that holds requirements/supply.txt (`make audit`, `make sbom`).
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

LOCKS = Path(__file__).parents[2] / "requirements"
TOOLS = Path(sys.executable).parent
AUDITED = ("gateway", "operator", "examples", "dev", "supply")
SHIPPED = ("gateway", "operator")
"""Locks that images are made from: these get a bill of materials."""
WELL, VULNERABLE, NOT_LOOKED_AT = 0, 1, 2


class Finding(NamedTuple):
    """What the advisory database says of one lock: known vulnerabilities, and what it says nothing of."""

    vulnerable: tuple[str, ...]
    unknown: tuple[str, ...]


def judge(report: dict[str, Any]) -> Finding:
    """Read pip-audit's report. It passes over what its database does not have, which must not count as well."""
    vulnerable, unknown = [], []
    for each in report["dependencies"]:
        if "skip_reason" in each:
            unknown.append(each["name"])
        for found in each.get("vulns", ()):
            cure = f", mended in {found['fix_versions'][-1]}" if found["fix_versions"] else ""
            vulnerable.append(f"{each['name']} {each['version']}: {found['id']}{cure}")
    return Finding(tuple(vulnerable), tuple(unknown))


def verdict(found: dict[str, Finding | str]) -> tuple[int, list[str]]:
    """The exit status and what to say; a text in place of a finding is why a lock could not be looked at."""
    status, lines = WELL, []
    for lock, each in found.items():
        where = f"requirements/{lock}.txt"
        if isinstance(each, str):
            status = status or NOT_LOOKED_AT
            lines.append(f"{where}: not looked at: {each}")
            continue
        if each.unknown:
            status = status or NOT_LOOKED_AT
            lines.append(
                f"{where}: {len(each.unknown)} not looked at, the database does not answer for {each.unknown[0]}"
            )
        if each.vulnerable:
            status = VULNERABLE
        lines += [f"{where}: {text}" for text in each.vulnerable]
    return status, lines or ["no known vulnerability in any lock"]


def ask(lock: str) -> Finding | str:
    """Audit one lock, or say why that is impossible."""
    words = [
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner=off",
        "--format=json",
        "-r",
        f"{LOCKS / lock}.txt",
    ]
    done = subprocess.run([TOOLS / "pip-audit", *words], capture_output=True, text=True, check=False, timeout=600)
    try:
        return judge(json.loads(done.stdout))
    except (ValueError, KeyError):
        return (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1][:300]


def audit() -> int:
    """Audit every lock; 0 well, 1 vulnerable, 2 where the database does not answer."""
    status, lines = verdict({lock: ask(lock) for lock in AUDITED})
    print("\n".join(lines))
    return status


def sbom(folder: str) -> int:
    """Write a CycloneDX bill of materials per image; the same locks give the same bytes."""
    for lock in SHIPPED:
        path = Path(folder) / f"{lock}.cdx.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        words = ["requirements", LOCKS / f"{lock}.txt", "--output-reproducible", "--output-format=JSON", "-o", path]
        subprocess.run([TOOLS / "cyclonedx-py", *words], check=True, timeout=300)
        print(f"wrote {path}")
    return WELL


COMMANDS = {"audit": audit, "sbom": sbom}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
