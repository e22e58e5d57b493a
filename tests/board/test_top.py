"""`plantwright top` against a board on real sockets."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from replay import Floor
from rich.console import Console
from running import Board

from plantwright_api.wire.board import Frame, LineRow, MachineRow, PlantRow
from plantwright_cli.top.picture import Picture

NOW = "2026-11-23T12:00:00Z"
TOP = [sys.executable, "-m", "plantwright_cli", "top"]


def drawn(*machines: MachineRow, trouble: str = "", plant: PlantRow | None = None, width: int = 200) -> str:
    picture, console = Picture(), Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    line = LineRow(area="a", line="l", machines=len(machines), heard=len(machines))
    picture.take(Frame(now=NOW, whole=True, plant=plant or PlantRow(name="p"), lines=[line], machines=list(machines)))
    console.print(picture.draw(trouble))
    console.file.close()
    return console.export_text()


def machine(**more: object) -> MachineRow:
    return MachineRow(**{"area": "a", "line": "l", "machine": "m-1", "state": "Production", **more})  # type: ignore[arg-type]


def test_what_is_not_known_is_a_dash() -> None:
    text = drawn(machine(wanted=10.0))
    assert "– of 10 (–)" in text
    assert "0 %" not in text


def test_cycles_of_a_load_are_told_where_no_parts_are_counted() -> None:
    cycles = {"cycles": 1203, "cycle_seconds": 42.5}
    assert "1203 cycles of 42.5 s" in drawn(machine(**cycles))
    assert "– of 10, 1203 cycles" in drawn(machine(wanted=10.0, **cycles))
    assert "cycles" not in drawn(machine(wanted=10.0, job_good=3, **cycles))


def test_states_have_a_sign_and_a_word_and_inferred_ones_say_so() -> None:
    text = drawn(machine(state="Delay", reason="jam", inferred=True, confidence=0.9))
    assert "■ ≈ Stopped (inferred, 90 % sure)" in text
    assert "jam" in text


def test_times_are_the_plants() -> None:
    plant = PlantRow(name="p", time_zone="Asia/Tokyo")
    text = drawn(
        machine(since="2026-11-23T09:30:00Z"), machine(machine="m-2", since="2026-11-22T09:30:00Z"), plant=plant
    )
    assert "18:30" in text
    assert "22 Nov 18:30" in text


def test_a_zone_that_is_none_is_utc() -> None:
    assert "09:30" in drawn(machine(since="2026-11-23T09:30:00Z"), plant=PlantRow(name="p", time_zone="Mars/Base"))


def test_what_a_machine_says_cannot_command_the_terminal() -> None:
    text = drawn(machine(reason="\x1b]0;owned\x07\x1b[2J[red]x[/red]", job_order="\x9b31m"))
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "[red]x[/red]" in text


def test_trouble_is_told_with_its_time() -> None:
    assert "no board answers; this was so at 12:00" in drawn(machine(), trouble="no board answers")


def test_a_frame_lies_over_the_one_before() -> None:
    picture, console = Picture(), Console(width=120)
    line = LineRow(area="a", line="l", machines=2, heard=2)
    picture.take(
        Frame(now=NOW, whole=True, plant=PlantRow(name="p"), lines=[line], machines=[machine(), machine(machine="m-2")])
    )
    picture.take(Frame(now=NOW, machines=[machine(state="Delay")]))
    with console.capture() as after:
        console.print(picture.draw())
    assert "Stopped" in after.get()
    assert "m-2" in after.get()
    picture.take(Frame(now=NOW, whole=True, lines=[line], machines=[machine()]))
    with console.capture() as whole:
        console.print(picture.draw())
    assert "m-2" not in whole.get()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--url", "http://127.0.0.1:1"], "no board answers"),
        (["--url", "file:///etc/passwd"], "write http://host:port"),
    ],
)
def test_without_a_board_it_ends_in_words(words: list[str], said: str) -> None:
    done = subprocess.run([*TOP, *words, "--once"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
async def test_once_prints_every_machine(board: Board, hall: Floor) -> None:
    process = await asyncio.create_subprocess_exec(
        *TOP, "--url", board.url, "--once", stdout=asyncio.subprocess.PIPE, env={**os.environ, "COLUMNS": "160"}
    )
    text = (await process.communicate())[0].decode()
    assert process.returncode == 0
    assert [live.machine for live in hall.machines.values() if live.machine not in text] == []
    assert "machining/line-1" in text
    assert "\x1b" not in text


@pytest.mark.slow
async def test_in_a_terminal_it_follows_and_says_when_the_board_is_gone(board: Board, hall: Floor) -> None:
    """A terminal of its own; a stop is drawn within two seconds of its telling."""
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "300"}
    process = await asyncio.create_subprocess_exec(
        *TOP, "--url", board.url, stdin=follower, stdout=follower, env=env, preexec_fn=hear_interrupts
    )
    os.close(follower)
    seen = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(leader, lambda: seen.extend(os.read(leader, 65536)))
    try:
        await until(seen, b"machi-000")
        begun = datetime.now(UTC)
        hall.say(0, state="Delay", reason="a reason of its own")
        await until(seen, b"a reason of its own")
        assert (datetime.now(UTC) - begun).total_seconds() < 2
        board.process.send_signal(signal.SIGTERM)
        await until(seen, b"this was so at")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):  # read on meanwhile: a terminal that nobody reads holds up whoever writes
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        loop.remove_reader(leader)
        os.close(leader)


def hear_interrupts() -> None:
    """What a shell starts in the background ignores them, and so do its children; a terminal's programs do not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def until(seen: bytearray, wanted: bytes) -> None:
    async with asyncio.timeout(20):
        while wanted not in seen:  # noqa: ASYNC110 - a terminal tells nothing else
            await asyncio.sleep(0.02)
