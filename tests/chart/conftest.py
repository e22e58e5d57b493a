"""Renders the chart with the real Helm, and puts what compares rights on the path."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from plantwright_cluster import tools

sys.path.insert(0, str(Path(__file__).parent))
CHART = Path(__file__).parents[2] / "charts/plantwright"
VALUES = Path(__file__).parent / "values"
Obj = dict[str, Any]
Helm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., list[Obj]]


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Run Helm in a home of its own; returns what it said, whether or not it failed."""
    built = tools().path("helm")
    program = str(built) if built.exists() else shutil.which("helm")
    if program is None:
        pytest.skip("Helm is not there: python -m plantwright_cluster tools")
    home = tmp_path_factory.mktemp("helm")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "HELM_CONFIG_HOME": str(home), "HELM_CACHE_HOME": str(home)}

    def run(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        command = [program, *map(str, words)]
        return subprocess.run(command, env=env | more, capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Render:
    """The chart's objects for a values file of tests/chart/values and `--set` words laid over it."""

    @cache
    def rendered(case: str, *sets: str) -> str:
        words = ["--values", VALUES / f"{case}.yaml", *(word for each in sets for word in ("--set", each))]
        done = helm("template", "plantwright", CHART, "--namespace", "plantwright-system", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def objects(case: str = "defaults", *sets: str) -> list[Obj]:
        found = yaml.load_all(rendered(case, *sets), Loader=yaml.CSafeLoader)
        return [each for each in found if each is not None]

    return objects
