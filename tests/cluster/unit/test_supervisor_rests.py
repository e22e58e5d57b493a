"""A supervisor that has nothing to do uses no processor: it belongs to every cluster for as long as that runs."""

import subprocess
import sys
import time
from pathlib import Path

import plantwright_cluster.supervisor as supervisor


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_idle_supervisor_uses_no_processor(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", supervisor.__file__, str(tmp_path)])
    try:
        deadline = time.monotonic() + 5
        while not (tmp_path / supervisor.SOCKET).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        before = processor_seconds(process.pid)
        time.sleep(0.5)
        assert processor_seconds(process.pid) - before < 0.1
    finally:
        process.terminate()
        assert process.wait(10) == 0
