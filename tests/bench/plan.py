"""How long `plantwright plan` takes over many plants: a contract of the catalogue changes under all of them, and with it
what the policies of the library see.

    python tests/bench/plan.py [--plants 50] [--machines 200] [--rounds 3]

One file per machine, as people keep them. Prints the seconds of each round, of the whole process as a CI job pays for it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
LIBRARY = EXAMPLES / "08-policies"


def write(folder: Path, plants: int, machines: int, maximum: str) -> None:
    """A corporate catalogue, and plants that name it."""
    catalog = folder / "catalog"
    catalog.mkdir(parents=True)
    for path in (*(EXAMPLES / "02-contracts").glob("*.yaml"), EXAMPLES / "03-profiles" / "lathe.yaml"):
        obj = yaml.safe_load(path.read_text())
        obj["metadata"]["namespace"] = "catalog"
        for field in obj["spec"].get("fields", ()):
            if field["name"] == "power":
                field["maximum"] = maximum
        (catalog / path.name).write_text(yaml.safe_dump(obj))
    for path in LIBRARY.glob("*.yaml"):
        for obj in yaml.safe_load_all(path.read_text()):
            if obj["kind"] == "GovernancePolicy":
                obj["metadata"]["namespace"] = "catalog"
                (catalog / path.name).write_text(yaml.safe_dump(obj))
    plant = yaml.safe_load((EXAMPLES / "01-plant" / "2-plant.yaml").read_text())
    machine = yaml.safe_load((EXAMPLES / "04-machines" / "lathe-01.yaml").read_text())
    for number in range(plants):
        site = folder / f"plant-{number:02}"
        site.mkdir()
        _put(site, plant, number, plant["metadata"]["name"], catalogNamespace="catalog")
        for index in range(machines):
            _put(site, machine, number, f"lathe-{index:03}")


def _put(site: Path, obj: dict[str, Any], number: int, name: str, **spec: Any) -> None:
    meta = {"name": name, "namespace": f"plant-{number:02}"}
    (site / f"{name}.yaml").write_text(yaml.safe_dump({**obj, "metadata": meta, "spec": {**obj["spec"], **spec}}))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plants", type=int, default=50)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        before, after = Path(text, "before"), Path(text, "after")
        write(before, words.plants, words.machines, "250")
        write(after, words.plants, words.machines, "300")
        command = [sys.executable, "-m", "plantwright_cli", "plan", "--before", str(before), str(after)]
        taken = []
        for _ in range(words.rounds):
            began = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            taken.append(time.monotonic() - began)
            print(f"{taken[-1]:6.2f} s  {done.stdout.splitlines()[0] if done.stdout else done.stderr}", flush=True)
    print(f"{words.plants} plants x {words.machines} machines: {min(taken):.2f} to {max(taken):.2f} s")


if __name__ == "__main__":
    main()
