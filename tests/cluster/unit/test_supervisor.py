"""The supervisor of the fast tier, with a harmless program in place of etcd."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plantwright_cluster import control
from plantwright_cluster.commands import ClusterError
from plantwright_cluster.control import Control
from plantwright_cluster.processes import Recorded, end, is_running, record


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[tuple[Control, Recorded]]:
    recorded = control.launch(tmp_path, namespaces=False)
    yield Control(tmp_path), recorded
    end(recorded)


def _start(channel: Control) -> Recorded:
    found = record(channel.ask("start", name="sleeper", argv=["sleep", "60"], env={})["pid"])
    assert found is not None
    _wait_for_exec(found.pid)
    return found


def _wait_for_exec(pid: int) -> None:
    """Until then it is setpriv, which has not yet asked the kernel to be killed with its parent."""
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}/comm").read_text().strip() != "sleep" and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_program_is_started_ended_and_started_again(supervised: tuple[Control, Recorded]) -> None:
    channel, _ = supervised
    first = _start(channel)
    assert is_running(first)
    channel.stop("sleeper", signal.SIGTERM)
    assert channel.states()["sleeper"]["exit"] == -signal.SIGTERM
    assert channel.ask("restart", name="sleeper")["pid"] != first.pid


def test_programs_die_with_a_killed_supervisor(supervised: tuple[Control, Recorded]) -> None:
    channel, recorded = supervised
    program = _start(channel)
    os.kill(recorded.pid, signal.SIGKILL)
    assert end(program, patience=5, seconds=0)


def test_it_ends_its_programs_before_itself(supervised: tuple[Control, Recorded]) -> None:
    channel, recorded = supervised
    program = _start(channel)
    channel.ask("end")
    assert end(recorded, patience=5, seconds=0)
    assert not is_running(program)


def test_an_unknown_program_is_an_error(supervised: tuple[Control, Recorded]) -> None:
    with pytest.raises(ClusterError, match="KeyError"):
        supervised[0].ask("restart", name="nobody")
