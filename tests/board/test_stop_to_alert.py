"""A machine stands for longer than its profile allows: how soon the alert fires, with the chart's own rules and scrape interval."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from stopworld import HAVE_PROMETHEUS, PROTOCOLS, world

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAVE_PROMETHEUS, reason="prometheus is not installed")]
VALUES = Path(__file__).parents[2] / "charts/plantwright/values.yaml"
ALLOWED_SECONDS = 10
"""The least that a profile may allow, and so the hardest case: a scrape may take up much of it."""
LATEST_SECONDS = 10.0


def scrape_seconds() -> float:
    """What the chart installs."""
    told: str = yaml.safe_load(VALUES.read_text())["monitoring"]["podMonitor"]["interval"]
    return float(told.removesuffix("s"))


async def test_a_long_stop_raises_its_alert_within_ten_seconds(tmp_path: Path, measured: Callable[[str], None]) -> None:
    late = []
    async with world(tmp_path, scrape_seconds(), ALLOWED_SECONDS) as running:
        assert running.prometheus is not None
        for machine in PROTOCOLS:
            stopped = running.machines[machine].halt()
            wanted = stopped / 1000 + ALLOWED_SECONDS
            fired = await running.prometheus.firing("PlantwrightMachineStopped", machine, ALLOWED_SECONDS + 30)
            late.append(fired / 1000 - wanted)
            running.machines[machine].go_on()
    measured(f"the alert fired {', '.join(f'{each:.1f}' for each in late)} s after the time allowed was over")
    assert min(late) > 0
    assert max(late) <= LATEST_SECONDS
