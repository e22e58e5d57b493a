"""How one attribute of a contract moved between two versions, as one word.

Only the direction is decided here; what a direction means for consumers and machines stands in the table of `evolution`.
A limit that is absent is no limit, so its appearance tightens and its disappearance loosens.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

Shift = Callable[[Any, Any], str]
"""From the value before and after (None: absent) to a word; never called with equal values."""

CLASSIFICATIONS = ("Public", "Internal", "Confidential", "Restricted", "Personal")
"""From open to closed; Personal is last because a law, not the owner, says who may see it."""
ACTIONS = ("Flag", "Quarantine", "Block")
"""From letting a violating value through to keeping more out of the stream."""


def changed(_before: Any, _after: Any) -> str:
    """For what has no direction."""
    return "changed"


def stated(before: Any, after: Any) -> str:
    """For what is said, not said, or said otherwise."""
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def ceiling(before: str | int | None, after: str | int | None) -> str:
    """For an upper limit: a number, or None for no limit."""
    return _limit(before, after, tighter_below=True)


def floor(before: str | int | None, after: str | int | None) -> str:
    """For a lower limit: a number, or None for no limit."""
    return _limit(before, after, tighter_below=False)


def demand(before: bool, after: bool) -> str:
    """For what may be demanded of a machine."""
    return "tighter" if after and not before else "looser"


def ladder(steps: Sequence[str]) -> Shift:
    """For one of several words that grow stricter; a word that is not among them counts as the strictest."""
    rank = {step: index for index, step in enumerate(steps)}

    def shift(before: str | None, after: str | None) -> str:
        return "tighter" if rank.get(after or "", len(steps)) > rank.get(before or "", len(steps)) else "looser"

    return shift


def choice(before: Sequence[str] | None, after: Sequence[str] | None) -> str:
    """For a list of values that are allowed, None allowing all."""
    if before is None or after is None:
        return "narrower" if before is None else "wider"
    old, new = set(before), set(after)
    if old == new:
        return "reordered"
    if new < old:
        return "narrower"
    return "wider" if old < new else "exchanged"


def _limit(before: str | int | None, after: str | int | None, *, tighter_below: bool) -> str:
    if before is None or after is None:
        return "tighter" if before is None else "looser"
    old, new = Decimal(before), Decimal(after)
    if old == new:
        return "respelled"
    return "tighter" if (new < old) is tighter_below else "looser"
