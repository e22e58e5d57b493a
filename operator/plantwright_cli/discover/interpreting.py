"""What a draft says besides its signals: tables of codes by name, `spec.state`, `spec.parts`. Each with its reason. Pure.

Nothing here is guessed: a table is proposed where a companion specification fixes it, where the machine lists its codes, or
where a name and the value at hand are the standard's; a state where the signal's names are time elements or such a table
tells them; counters of parts where the contract's fields are those and nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, get_args

from plantwright_api.v1alpha1.codetables import TABLES, CodeTable, names, states
from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_api.v1alpha1.machineprofile import MachineState
from plantwright_cli.discover.candidates import Candidate
from plantwright_cli.discover.companions import CODE_TABLES
from plantwright_cli.discover.words import mentions

LEAST_CODES: Final = 3
"""A machine that lists fewer codes than this has them in common with any table."""
STATES: Final = frozenset(get_args(MachineState))
MTCONNECT: Final = re.compile(r"execution", re.IGNORECASE)
"""The standard's own name of the data item."""
PARTS: Final[Mapping[str, frozenset[str]]] = {
    "good": frozenset({"part", "good"}),
    "rejected": frozenset({"part", "rejected"}),
}
COUNTING: Final = frozenset({"number", "count", "total"})
"""What the name of a counter may say besides."""


class Named(NamedTuple):
    """A table of codes and why it is this one."""

    table: CodeTable
    reason: str


class Filled(NamedTuple):
    """A signal of the draft as far as it matters here: its name there, the field that it fills, the table that it names."""

    signal: Mapping[str, Any]
    field: ContractField
    candidate: Candidate
    named: Named | None


class Model(NamedTuple):
    """A part of the profile's spec such as `state`, and why."""

    name: str
    value: dict[str, Any]
    reason: str


def table_of(candidate: Candidate) -> Named | None:
    """The table that a candidate's codes are from; None where nothing shows it, or where its own list says otherwise."""
    listed = {(code, _plain(name)) for code, name in candidate.codes}
    fitting = [t for t, table in TABLES.items() if listed <= {(r.code, _plain(r.name)) for r in table.rows}]
    companion = candidate.companion
    fixed = CODE_TABLES.get((companion.uri, companion.name, candidate.kind)) if companion is not None else None
    if fixed in fitting:
        return Named(fixed, f"{TABLES[fixed].source}: the companion specification's {candidate.name}")
    if len(listed) >= LEAST_CODES and len(fitting) == 1:
        return Named(fitting[0], f"the machine lists {len(listed)} codes, all as {TABLES[fitting[0]].source} has them")
    told = {row.code for row in TABLES["MTConnectExecution"].rows}
    if candidate.kind == "String" and MTCONNECT.fullmatch(candidate.name) and candidate.sample in told:
        return Named(
            "MTConnectExecution", f"its name and its value {candidate.sample} are those of MTConnect's Execution"
        )
    return None


def values(field: ContractField, named: Named) -> dict[str, Any]:
    """How a signal says what its codes mean in the field's words: `valuesFrom`, else `values`; {} where the two do not agree."""
    if not field.enum or set(names(named.table, field.enum).values()) == set(field.enum):
        return {"valuesFrom": named.table}
    elements = states(named.table)
    if set(elements.values()) <= set(field.enum):
        return {"values": [{"value": code, "name": state} for code, state in elements.items()]}
    return {}


def state(filled: Sequence[Filled]) -> Model | None:
    """`spec.state`, where one signal tells the state and what its values mean as time elements is known."""
    found = [one for one in filled if {m.concept for m in mentions(one.field.name)} == {"state"}]
    if len(found) != 1:
        return None
    [one] = found
    name = one.signal["name"]
    told = [value["name"] for value in one.signal.get("values", ())] or list(one.field.enum or ())
    if one.named is not None:
        return Model("state", {"signal": name, "valuesFrom": one.named.table}, one.named.reason)
    if not told or not set(told) <= STATES:
        return None
    rows = [{"value": state_, "state": state_} for state_ in dict.fromkeys(told)]
    return Model(
        "state", {"signal": name, "values": rows}, f"field {one.field.name} has the names of the time elements"
    )


def parts(filled: Sequence[Filled]) -> Model | None:
    """`spec.parts`, where a field counts good or rejected parts and no other does."""
    value: dict[str, Any] = {}
    for which, wanted in PARTS.items():
        found = [one for one in filled if one.field.type == "Integer" and _concepts(one.field) == wanted]
        if len(found) == 1 and "scale" not in found[0].signal:
            value[which] = found[0].signal["name"]
    if not value:
        return None
    told = " and ".join(f"{name} counts {which} parts" for which, name in value.items())
    return Model("parts", value, f"by the contract, {told}")


def _concepts(field: ContractField) -> set[str]:
    return {mention.concept for mention in mentions(field.name)} - COUNTING


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
