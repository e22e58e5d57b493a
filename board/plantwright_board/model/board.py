"""All that is known of the plant, and which rows changed since the last look. Told by `feed`, looked at by `web`."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from plantwright_api.wire.board import LineRow, MachineRow, PlantRow
from plantwright_api.wire.live import Live
from plantwright_board.model import figures
from plantwright_board.model.rows import Sighting, line_row, machine_row, plant_row
from plantwright_board.model.site import Line, Site


class Changes(NamedTuple):
    """Rows that differ from those of the look before. `whole`: something went or the order changed, so all rows are here."""

    whole: bool
    plant: PlantRow | None
    lines: list[LineRow]
    machines: list[MachineRow]


class Board:
    """Keeps the last word of each machine. `stir` is called once something may look different."""

    def __init__(self, site: Site, stir: Callable[[], None] = lambda: None) -> None:
        self.stir = stir
        self._site = site
        self._places: Mapping[str, Line] | None = None
        self._seen: dict[str, Sighting] = {}
        self._told_by: dict[str, str] = {}
        self._rows: dict[str, MachineRow] = {}
        self._lines: dict[Line, tuple[figures.Elements, LineRow]] = {}
        self._plant: PlantRow | None = None
        self._dirty: set[str] = set()
        self._whole = True

    # -- told ------------------------------------------------------------------------------------------------------------

    def describe(self, site: Site) -> None:
        """The plant is, or has become, this one."""
        if site != self._site:
            self._site, self._whole = site, True
            self.stir()

    def place(self, places: Mapping[str, Line]) -> None:
        """These machines there are; what is neither among them nor heard is not shown any more."""
        self._places = places
        for name, place in places.items():
            seen = self._seen.get(name, Sighting(place))
            if not seen.heard:
                self._see(name, seen._replace(place=place))
        for name in [name for name, seen in self._seen.items() if name not in places and not seen.heard]:
            self._remove(name)

    def hear(self, source: str, live: Live) -> None:
        """A gateway said this of a machine."""
        self._told_by[live.machine] = source
        self._see(live.machine, Sighting(Line(live.area, live.line), live, heard=True))

    def lose(self, source: str, now: str) -> None:
        """A gateway is heard no more, from `now` (RFC 3339) on."""
        for name in [name for name, teller in self._told_by.items() if teller == source]:
            del self._told_by[name]
            if self._places is not None and name not in self._places:
                self._remove(name)
            else:
                self._see(name, self._seen[name]._replace(heard=False, lost=now))

    def count(self) -> tuple[int, int]:
        """How many machines there are whose gateways are heard, and whose are not."""
        heard = sum(seen.heard for seen in self._seen.values())
        return heard, len(self._seen) - heard

    # -- looked at -------------------------------------------------------------------------------------------------------

    def look(self) -> Changes:
        """What changed since the last look."""
        dirty = set(self._seen) if self._whole else self._dirty
        changed = self._look_at_machines(dirty)
        lines = self._look_at_lines({line for name, before in changed for line in self._lines_of(name, before)})
        plant = self._look_at_plant()
        whole, self._dirty, self._whole = self._whole, set(), False
        if not whole:
            return Changes(
                False, plant, lines, [self._rows[name] for name, before in changed if self._rows[name] != before]
            )
        rows = sorted(self._rows.items())
        return Changes(True, self._plant, [row for _, row in self._lines.values()], [row for _, row in rows])

    def _look_at_machines(self, names: set[str]) -> list[tuple[str, MachineRow | None]]:
        """Make these rows anew; returns what they were before."""
        before = [(name, self._rows.get(name)) for name in names]
        self._rows.update((name, machine_row(name, self._seen[name])) for name in names)
        return before

    def _lines_of(self, name: str, before: MachineRow | None) -> Iterator[Line]:
        """The lines that a machine is and was on."""
        for row in filter(None, (before, self._rows[name])):
            yield Line(row.area, row.line)

    def _look_at_lines(self, stale: set[Line]) -> list[LineRow]:
        """Add up these lines; one that is new, or empty now, changes the order of all."""
        members: dict[Line, list[str]] = {line: [] for line in stale}
        for name, row in self._rows.items():
            if (line := Line(row.area, row.line)) in members:
                members[line].append(name)
        gone = [self._lines.pop(line) for line in stale if line in self._lines and not members[line]]
        self._whole |= bool(gone)
        made = {line: self._line(line, names) for line, names in members.items() if names}
        self._whole |= any(line not in self._lines for line in made)
        changed = [row for line, (_, row) in made.items() if line not in self._lines or row != self._lines[line][1]]
        self._lines.update(made)
        if self._whole:
            self._lines = dict(sorted(self._lines.items(), key=lambda item: self._rank(item[0])))
        return changed

    def _line(self, line: Line, names: list[str]) -> tuple[figures.Elements, LineRow]:
        seen = {name: self._seen[name] for name in names}
        heard = {name: figures.elements(each.live) for name, each in seen.items() if each.heard and each.live}
        roles = self._site.roles(line)
        made = figures.line(heard, roles)
        return made, line_row(line, roles, made, len(names), len(heard))

    def _look_at_plant(self) -> PlantRow | None:
        row = plant_row(self._site, figures.total(of for of, _ in self._lines.values()), self._rows.values())
        before, self._plant = self._plant, row
        return row if row != before else None

    def _rank(self, line: Line) -> tuple[int, Line]:
        """Lines in the order in which the Plant names them."""
        order = list(self._site.lines)
        return (order.index(line) if line in self._site.lines else len(order)), line

    def _see(self, name: str, seen: Sighting) -> None:
        self._seen[name] = seen
        self._dirty.add(name)
        self.stir()

    def _remove(self, name: str) -> None:
        del self._seen[name]
        self._dirty.discard(name)
        row = self._rows.pop(name, None)
        if row:
            self._lines.pop(Line(row.area, row.line), None)
        self._whole = True
        self.stir()
