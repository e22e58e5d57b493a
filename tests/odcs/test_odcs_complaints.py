"""A document that the standard's schema refuses: the message names the field and speaks of it, not of the schema."""

from collections.abc import Callable
from typing import Any

import pytest

from plantwright_cli.odcs.document import OdcsError
from plantwright_cli.odcs.importing import import_odcs

MISSING = "it is missing; v3.2.0 of the standard requires it here"
UNKNOWN = "v3.2.0 of the standard has no such field here"
Change = Callable[[dict[str, Any]], object]


def document() -> dict[str, Any]:
    kiln = {"name": "kiln", "properties": [{"name": "heat", "logicalType": "number"}]}
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": "k",
        "version": "1.0.0",
        "name": "kiln",
        "schema": [kiln],
    }


def heat(**more: Any) -> Change:
    """The document's one property says more."""
    return lambda made: made["schema"][0]["properties"][0].update(more)


def root(**more: Any) -> Change:
    return lambda made: made.update(more)


HEAT = "schema[kiln].properties[heat]"
CASES: dict[str, tuple[Change, str]] = {
    "missing at the root": (lambda made: made.pop("id"), f"id: {MISSING}"),
    "missing in a list": (heat(enum=[{"label": "hot"}]), f"{HEAT}.enum[0].value: {MISSING}"),
    "missing because of the type": (heat(logicalType="map"), f"{HEAT}.map: {MISSING}"),
    "missing because of another": (
        heat(quality=[{"type": "library", "mustBe": 0}]),
        f"{HEAT}.quality[0].metric: {MISSING}",
    ),
    "missing in a server": (
        root(servers=[{"server": "store", "type": "hana", "port": 1}]),
        f"servers[store].host: {MISSING}",
    ),
    "unknown": (heat(requred=True), f"{HEAT}.requred: {UNKNOWN}; use customProperties"),
    "unknown at the root": (root(plant="Ulm"), f"plant: {UNKNOWN}; use customProperties"),
    "renamed rule": (
        heat(quality=[{"rule": "nullCheck", "severity": "error"}]),
        f"{HEAT}.quality[0].rule: {UNKNOWN}; it is called metric now",
    ),
    "renamed comment": (
        root(team=[{"username": "ulm", "comment": "night shift"}]),
        f"team[ulm].comment: {UNKNOWN}; it is called description now",
    ),
    "renamed column": (
        root(slaProperties=[{"property": "latency", "value": 1, "unit": "s", "column": "kiln.heat"}]),
        f"slaProperties[latency].column: {UNKNOWN}; it is called element now",
    ),
    "two operators": (
        heat(quality=[{"metric": "nullValues", "mustBe": 0, "mustNotBe": 5}]),
        f"{HEAT}.quality[0]: only one of mustBe, mustNotBe may stand here",
    ),
    "may not stand": (
        heat(relationships=[{"from": "kiln.heat", "to": "room.heat"}]),
        f"{HEAT}.relationships[0]: from may not stand here; leave it out",
    ),
    "twice": (heat(enum=[{"value": 1}, {"value": 1}]), f"{HEAT}.enum: 'value: 1' stands twice"),
    "too few": (heat(enum=[]), f"{HEAT}.enum: it has 0, and takes 1 at least"),
    "too many": (
        heat(quality=[{"metric": "rowCount", "mustBeBetween": [1, 2, 3]}]),
        f"{HEAT}.quality[0].mustBeBetween: it has 3, and takes 2 at most",
    ),
    "form": (heat(id="a.b"), f"{HEAT}.id: 'a.b' is not of the form ^[A-Za-z0-9_-]+$"),
    "several types": (
        root(servers=[{"server": "store", "type": "hana", "host": "h", "port": 1.5}]),
        "servers[store].port: '1.5' is no integer or string",
    ),
    "all choices": (
        heat(logicalType="binary"),
        f"{HEAT}.logicalType: 'binary' is none of string, date, timestamp, time, number, integer, object, array, "
        "boolean, map, vector",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_message_names_the_field_and_the_cure(case: str) -> None:
    change, message = CASES[case]
    made = document()
    change(made)
    with pytest.raises(OdcsError) as error:
        import_odcs(made)
    assert str(error.value) == message


def test_the_document_imports_without_the_change() -> None:
    assert import_odcs(document()).losses == []
