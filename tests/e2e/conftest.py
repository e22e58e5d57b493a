"""One real cluster for all end-to-end tests: the demo's own steps, under another name, with an audit log."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from plantwright_demo.__main__ import down
from plantwright_demo.images import FOREIGN, SERVICES
from plantwright_demo.stage import STEPS, Stage, Step, apply_foreign, apply_plant, bring_up, collect

NAME = "e2e"


def steps() -> list[Step]:
    """The demo's steps, and the foreign machines after the others."""
    chosen = [step for step in STEPS if step.act is not collect]
    after = next(index for index, step in enumerate(chosen) if step.act is apply_plant) + 1
    return [*chosen[:after], Step("machines behind foreign servers", apply_foreign), *chosen[after:]]


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The running stage. PLANTWRIGHT_KEEP=1 leaves it for a look; the next run begins with it as it is."""
    if os.environ.get("PLANTWRIGHT_KEEP") != "1":
        down(NAME)
    standing = Stage(NAME, services=(*SERVICES, *FOREIGN), audit_policy=Path(__file__).parent / "audit.yaml")
    try:
        bring_up(standing, steps())
        yield standing
    finally:
        if os.environ.get("PLANTWRIGHT_KEEP") != "1":
            down(NAME)
