"""Every word that the sources send stands in the catalogue."""

import re
from pathlib import Path

from plantwright_api.v1alpha1.reasons import GAP_REASONS, REASONS, SAMPLE_REASONS
from plantwright_gateway import sources
from plantwright_gateway.sources.opcua import faults

SOURCES = Path(next(iter(sources.__path__)))
CONNECTED = {reason.name for reason in REASONS if reason.condition == "Connected"}


def words(pattern: str) -> set[str]:
    text = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
    return set(re.findall(pattern, text))


def test_reasons_for_no_session():
    used = words(r'LinkError\(\s*"(\w+)"') | words(r'_closed\("(\w+)"\)')
    used |= {reason for reason, _ in faults.CONNECTION_FAULTS.values()}
    assert len(used) > 10
    assert used <= CONNECTED


def test_reasons_for_gaps():
    used = words(r'interrupt\(\s*"(\w+)"') | words(r'GapNotice\(\s*"(\w+)"') | words(r'_interruption = "(\w+)"')
    assert used == {reason.name for reason in GAP_REASONS}


def test_reasons_for_values():
    used = words(r'(?:"Bad"|"Uncertain"), "(\w+)"') | words(r'return (?:None|raw), "(\w+)"') | {"UncertainValue"}
    catalogue = {reason.name for reason in SAMPLE_REASONS} | {r.name for r in REASONS if r.condition == "ContractMet"}
    assert {"BadValue", "ImplausibleTime", "WrongType", "TooLong"} <= used
    assert used <= catalogue
