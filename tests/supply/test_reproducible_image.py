"""What a Dockerfile makes of the lock is the same bytes each time: its own commands are run twice, in folders of this machine."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHEELS = ROOT / "dist/wheels"
PREFIX = "/opt/plantwright"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not list(WHEELS.glob("plantwright-*.whl")), reason="no wheels in dist/wheels: make demo fetches them"
    ),
]


def commands(dockerfile: Path) -> str:
    """The RUN step that fills the image, as a shell script."""
    found = re.search(r"^RUN (.*?[^\\])$", dockerfile.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1].replace("\\\n", "")


def build(folder: Path, dockerfile: Path, lock: str) -> Path:
    """Run the step with wheels alone; returns the folder that becomes part of the image."""
    target = folder / "image"
    shutil.copytree(WHEELS, folder / "dist/wheels")
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / lock, folder / "requirements")
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "python3").symlink_to(sys.executable)
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder), "PIP_CONFIG_FILE": os.devnull}
    script = commands(dockerfile).replace(PREFIX, str(target))
    subprocess.run(["sh", "-c", script], cwd=folder, env=env, check=True, capture_output=True, timeout=240)
    return target


def contents(folder: Path) -> dict[str, str]:
    """Every file's hash and mode. Times are left out: builders set them (SOURCE_DATE_EPOCH)."""
    return {
        str(path.relative_to(folder)): f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_gateways_image_is_the_same_twice(tmp_path: Path) -> None:
    made = []
    for number in ("1", "2"):
        # The same place each time, as in an image: bytecode names the file that it was made from.
        work = tmp_path / "work"
        work.mkdir()
        made.append(contents(build(work, ROOT / "gateway-image/Dockerfile", "gateway.txt")))
        work.rename(tmp_path / number)
    first, second = made
    assert len(first) > 1000
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []
