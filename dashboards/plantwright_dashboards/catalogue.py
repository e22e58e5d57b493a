"""The five dashboards and their JSON."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from plantwright_dashboards import fleet, machine, plant, quality, rollout

FOLDER: Final = Path(__file__).parents[2] / "charts" / "plantwright" / "files" / "dashboards"
"""Where the chart takes them from."""
DASHBOARDS: Final[Mapping[str, Callable[[], Dashboard]]] = {
    "fleet": fleet.dashboard,
    "plant": plant.dashboard,
    "machine": machine.dashboard,
    "data-quality": quality.dashboard,
    "rollout": rollout.dashboard,
}


def texts() -> dict[str, str]:
    """Each dashboard's JSON by its name; the same from run to run."""
    encoder = JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False)
    return {name: encoder.encode(build().build()) + "\n" for name, build in DASHBOARDS.items()}
