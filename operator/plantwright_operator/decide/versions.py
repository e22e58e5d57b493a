"""Semantic versions and the ranges that references name.

A comparator is a half-open interval of versions, so a range is a list of intervals that must all hold. A version that
leaves parts out means all that begin with it: `1.4` is 1.4.0 up to, not including, 1.5.0.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

Version = tuple[int, int, int]
_COMPARATOR = re.compile(r"(==|!=|>=|<=|=|>|<|~|\^)?\s*([0-9]+(?:\.[0-9]+){0,2})")
_LOWEST: Version = (0, 0, 0)
_ENDLESS: Version = (2**63, 0, 0)


class Comparator(NamedTuple):
    """Holds for versions in [low, high), or outside it where `negated`."""

    low: Version
    high: Version
    negated: bool = False

    def holds(self, version: Version) -> bool:
        """Whether the version meets this comparator."""
        return (self.low <= version < self.high) is not self.negated


def parse(text: str) -> Version:
    """Read MAJOR.MINOR.PATCH; parts left out are 0.

    Raises:
        ValueError: a part is no number.
    """
    major, minor, patch = (*(int(part) for part in text.split(".")), 0, 0)[:3]
    return major, minor, patch


def parse_range(text: str) -> list[Comparator]:
    """Read a range such as `^1.2`, `>=1.2, <2` or `1.4.0`.

    Raises:
        ValueError: there is no comparator in it.
    """
    comparators = [_comparator(operator or "=", number) for operator, number in _COMPARATOR.findall(text)]
    if not comparators:
        raise ValueError(f"{text!r} is no version range")
    return comparators


def matches(version: Version, comparators: Iterable[Comparator]) -> bool:
    """Whether the version meets all comparators."""
    return all(comparator.holds(version) for comparator in comparators)


def _comparator(operator: str, number: str) -> Comparator:
    low = parse(number)
    parts = number.count(".") + 1
    after = _bump(low, parts - 1)
    table = {
        "=": Comparator(low, after),
        "==": Comparator(low, after),
        "!=": Comparator(low, after, negated=True),
        ">=": Comparator(low, _ENDLESS),
        ">": Comparator(after, _ENDLESS),
        "<": Comparator(_LOWEST, low),
        "<=": Comparator(_LOWEST, after),
        "~": Comparator(low, _bump(low, min(parts - 1, 1))),
        "^": Comparator(low, _bump(low, _first_significant(low, parts))),
    }
    return table[operator]


def _bump(version: Version, part: int) -> Version:
    """The lowest version above all that share the first `part + 1` parts."""
    raised = [*version[:part], version[part] + 1, 0, 0]
    return raised[0], raised[1], raised[2]


def _first_significant(version: Version, parts: int) -> int:
    """The part a caret keeps: the first that is not 0, within what was written."""
    return next((i for i in range(parts) if version[i]), parts - 1)
