"""Control planes of test runs that were killed are found by their process, and only those are removed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plantwright_cluster import inventory
from plantwright_cluster.cluster import remove_orphans
from plantwright_cluster.progress import silent


def test_only_those_whose_process_is_gone_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kept = [f"fast-{os.getpid()}-0", "demo"]
    for name in (f"fast-{ended.pid}-3", *kept):
        inventory.write(inventory.Entry(name, None, (1, 2, 3)))
    assert remove_orphans(silent()) == [f"fast-{ended.pid}-3"]
    assert sorted(entry.name for entry in inventory.all_entries()) == sorted(kept)
