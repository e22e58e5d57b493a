"""What a machine's codes mean in a contract's words, where the machine or its manual says so. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_cli.discover.candidates import Candidate
from plantwright_cli.discover.words import tokens

LISTED: Final = re.compile(r"(?<![\w.])(\d{1,5})\s*[=:\-–]?\s*([^\d=:;,]*[^\W\d_][^\d=:;,]*)")
"""`0=Idle 1=Run`, `0: idle, 1: run`, `0 Aus, 1 Bereit`."""
SAME: Final = (
    "idle bereit ready stillstand stopped stop aus off standby steht reset gestoppt available",
    "production produktion running run active execute executing laeuft betrieb producing produzieren start",
    "setup ruesten einrichten setting ruestbetrieb einrichtbetrieb",
    "delay stoerung fault error alarm failure down stoer fehler interrupted aborted gestoert",
    "automatic automatik auto mem memory automatikbetrieb",
    "manual hand manuell jog handbetrieb tippen",
    "mdi mda handeingabe",
    "maintenance wartung instandhaltung service",
    "held hold halt pause paused feedhold",
    "true yes ja closed zu geschlossen",
    "false no nein open offen auf",
)
"""Words that mean the same state or mode; each row is one meaning."""
MEANING: Final = {word: row for row, words in enumerate(SAME) for word in words.split()}


def listed(candidate: Candidate) -> tuple[tuple[str, str], ...]:
    """Code and text: the machine's own list, else the one in its description; a single code is no list."""
    if candidate.codes:
        return candidate.codes
    found = tuple((code, text.strip()) for code, text in LISTED.findall(candidate.description))
    return found if len(found) > 1 else ()


def without_list(description: str) -> str:
    """A description up to its list of codes."""
    found = LISTED.findall(description)
    if len(found) < 2:
        return description
    first = LISTED.search(description)
    return description[: first.start()].rstrip(" (:") if first else description


def values(field: ContractField, candidate: Candidate) -> list[dict[str, str]]:
    """`values` of a profile's signal: the codes whose text means one of the field's enum, no other."""
    named = [(code, _name(text, field.enum or [])) for code, text in listed(candidate)]
    return [{"value": code, "name": name} for code, name in named if name is not None]


def unnamed(field: ContractField, candidate: Candidate) -> list[str]:
    """Codes that the machine lists and that mean nothing in the contract's words."""
    return [f"{code}={text}" for code, text in listed(candidate) if _name(text, field.enum or []) is None]


def _name(text: str, enum: Iterable[str]) -> str | None:
    """The one enum member that a text means; None where none or several do."""
    words = tokens(text)
    allowed = list(enum)
    literal = [name for name in allowed if tokens(name) == words]
    if literal:
        return literal[0]
    meant = [MEANING[word] for word in words if word in MEANING]
    fitting = [name for name in allowed if any(MEANING.get(word) in meant for word in tokens(name))]
    return fitting[0] if len(fitting) == 1 else None
