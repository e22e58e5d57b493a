"""The board as a table: the same words as on the page, a sign for each state beside its colour, a dash for what is not known."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.table import Table
from rich.text import Text

from plantwright_api.wire.board import Frame, LineRow, MachineRow, PlantRow, ShownState
from plantwright_cli.tables import table
from plantwright_cli.wording import count

DASH: Final = "–"
COLUMNS: Final = ("machine", "state", "since", "order", "progress", "OEE", "data", "why")


class Look(NamedTuple):
    """How a state is told."""

    sign: str
    word: str
    style: str


LOOKS: Final[dict[ShownState, Look]] = {
    "Delay": Look("■", "Stopped", "bold red"),
    "Unknown": Look("?", "Unknown", "dim"),
    "NoData": Look("◌", "No data", "dim"),
    "Setup": Look("◆", "Setting up", "blue"),
    "Idle": Look("‖", "Idle", "yellow"),
    "PlannedDown": Look("☾", "Planned stop", "magenta"),
    "Production": Look("▶", "Producing", "green"),
}


class Picture:
    """What is known, from the frames so far."""

    def __init__(self) -> None:
        self.now = ""
        self._plant = PlantRow(name="")
        self._lines: dict[tuple[str, str], LineRow] = {}
        self._machines: dict[str, MachineRow] = {}

    def take(self, frame: Frame) -> None:
        """Lay a frame over what is known."""
        if frame.whole:
            self._lines, self._machines = {}, {}
        self.now = frame.now
        self._plant = frame.plant or self._plant
        self._lines.update({(row.area, row.line): row for row in frame.lines})
        self._machines.update({row.machine: row for row in frame.machines})

    def draw(self, trouble: str = "") -> Table:
        """The table; `trouble` says why it is not of now."""
        zone = _zone(self._plant.time_zone)
        drawn = table(*COLUMNS)
        drawn.title, drawn.title_justify, drawn.title_style = self._headline(zone, trouble), "left", ""
        for line in self._lines.values():
            drawn.add_section()
            drawn.add_row(_bold(f"{line.area}/{line.line}"), *_line_cells(line))
            for row in self._of(line):
                drawn.add_row(*_machine_cells(row, self.now, zone))
        return drawn

    def _of(self, line: LineRow) -> Iterator[MachineRow]:
        for name in sorted(self._machines):
            row = self._machines[name]
            if (row.area, row.line) == (line.area, line.line):
                yield row

    def _headline(self, zone: tzinfo, trouble: str) -> Text:
        plant = self._plant
        states = ", ".join(
            f"{plant.states[state]} {LOOKS[state].word.lower()}" for state in LOOKS if plant.states.get(state)
        )
        told = f"{plain(plant.name)}  {_clock(self.now, self.now, zone)}  OEE {percent(plant.oee, 1)} (data {percent(plant.coverage)})  {states}"
        made = Text(told, style="bold")
        if trouble:
            made.append(f"\n{plain(trouble)}; this was so at {_clock(self.now, self.now, zone)}", style="bold red")
        return made


def _line_cells(line: LineRow) -> Iterator[Text]:
    serial = "serial, " if line.flow == "Serial" else ""
    machines = count(line.machines, "machine")
    yield Text(f"{serial}{machines if line.heard == line.machines else f'{line.heard} of {machines} heard'}")
    yield from (Text(), Text(), Text())
    yield Text(percent(line.oee, 1), style="bold")
    yield Text(percent(line.coverage))
    yield Text(f"A {percent(line.availability)}  E {percent(line.effectiveness)}  Q {percent(line.quality)}")


def _machine_cells(row: MachineRow, now: str, zone: tzinfo) -> Iterator[Text]:
    look = LOOKS[row.state]
    sure = f", {percent(row.confidence)} sure" if row.confidence is not None else ""
    word = f"≈ {look.word} (inferred{sure})" if row.inferred else look.word
    order = " ".join(filter(None, (row.job_order or row.work_request, row.material_definition)))
    yield Text(f"  {plain(row.machine)}")
    yield Text(f"{look.sign} {word}", style=look.style)
    yield Text(_clock(row.since, now, zone))
    yield Text(plain(order))
    yield Text(_progress(row))
    yield Text(percent(row.oee, 1))
    yield Text(percent(row.coverage))
    yield Text(plain(row.trouble or row.reason))


def _progress(row: MachineRow) -> str:
    made = DASH if row.job_good is None else str(row.job_good)
    cycles = "" if row.cycles is None else f"{row.cycles} cycles of {row.cycle_seconds:g} s"
    if row.wanted is None:
        return cycles if row.job_good is None else f"{made} made"
    if cycles and row.job_good is None:
        return f"{made} of {row.wanted:g}, {cycles}"
    return f"{made} of {row.wanted:g} ({percent(row.progress)})"


def percent(ratio: float | None, digits: int = 0) -> str:
    """A ratio as people read it."""
    return DASH if ratio is None else f"{ratio * 100:.{digits}f} %"


def plain(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(each if each.isprintable() else "·" for each in text)


def _bold(text: str) -> Text:
    return Text(plain(text), style="bold")


def _clock(moment: str, now: str, zone: tzinfo) -> str:
    """A time of day in the plant, with its day where that is not today's."""
    try:
        there, today = (datetime.fromisoformat(text).astimezone(zone) for text in (moment, now))
    except ValueError:
        return ""
    return f"{there:%H:%M}" if there.date() == today.date() else f"{there:%d %b %H:%M}"


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
