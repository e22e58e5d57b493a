"""One real cluster for all end-to-end tests: the demo's own steps, under another name, with an audit log."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plantwright_demo.__main__ import down
from plantwright_demo.images import FOREIGN, SERVICES
from plantwright_demo.kubectl import Kubectl, Object, condition
from plantwright_demo.progress import wait_for
from plantwright_demo.stage import (
    PLANT_NAMESPACE,
    STEPS,
    Stage,
    Step,
    apply_foreign,
    apply_plant,
    bring_up,
    collect,
)

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


class World:
    """What a test does to the stage and asks of it, through kubectl as a person would."""

    MACHINES = "machines.plantwright.io"
    GATEWAY = "app.kubernetes.io/name=plantwright-gateway"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @property
    def kubectl(self) -> Kubectl:
        return self.stage.kubectl

    @staticmethod
    def say(text: str) -> None:
        print(f"      {text}", flush=True)

    def machine(self, name: str) -> Object:
        return self.kubectl.get(self.MACHINES, PLANT_NAMESPACE, name)

    def apply(self, name: str, **spec: Any) -> None:
        """Apply a Machine: a lathe at line-1, but for what `spec` says."""
        lathe = {
            "plantRef": {"name": "stuttgart"},
            "profileRef": {"name": "cnc-lathe"},
            "location": {"area": "machining", "line": "line-1"},
        }
        self.kubectl.apply_text(json.dumps(plant_object("Machine", name, {**lathe, **spec})))

    def remove(self, *names: str) -> None:
        self.kubectl.run("delete", "machine", "-n", PLANT_NAMESPACE, "--wait=false", *names)

    def wait_condition(self, name: str, type_: str, status: str, seconds: float, reason: str = "") -> Object:
        def missing() -> str:
            found = condition(self.machine(name), type_)
            fits = found["status"] == status and reason in ("", found["reason"])
            return "" if fits else f"{type_}={found['status']} {found['reason']}: {found['message']}"

        self.wait_for(name, missing, seconds)
        return condition(self.machine(name), type_)

    def wait_for(self, what: str, missing: Callable[[], str], seconds: float) -> None:
        """Wait until nothing is missing, printing what is."""
        wait_for(what, missing, self.say, seconds)

    def restarts(self) -> dict[str, tuple[str, int]]:
        """Per gateway pod its uid and how often its container began anew."""
        pods = self.kubectl.items("pods", PLANT_NAMESPACE, self.GATEWAY)
        return {
            pod["metadata"]["name"]: (
                pod["metadata"]["uid"],
                sum(status["restartCount"] for status in pod["status"].get("containerStatuses", ())),
            )
            for pod in pods
        }


def plant_object(kind: str, name: str, spec: Object) -> Object:
    meta = {"name": name, "namespace": PLANT_NAMESPACE}
    return {"apiVersion": "plantwright.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage)
