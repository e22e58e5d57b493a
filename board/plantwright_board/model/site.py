"""The plant as the board needs it: its name, its clock, its lines in order and the roles on serial ones."""

from collections.abc import Mapping
from typing import NamedTuple

from plantwright_api.wire.board import Flow


class Line(NamedTuple):
    """Names a line: area and line (ISA-95)."""

    area: str
    line: str


class Roles(NamedTuple):
    """How a line's figures are made: of a serial one time counts at the bottleneck and parts at the exit."""

    flow: Flow = "Parallel"
    bottleneck: str = ""
    exit: str = ""


class Site(NamedTuple):
    """A plant. Lines that it does not name are parallel and come last."""

    name: str
    enterprise: str = ""
    site: str = ""
    time_zone: str = "Etc/UTC"
    lines: Mapping[Line, Roles] = {}

    def roles(self, line: Line) -> Roles:
        """The roles on a line."""
        return self.lines.get(line, Roles())
