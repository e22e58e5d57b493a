"""Steps between a value and its deletion at which a gateway's process may kill itself, as a crash there would.

The gateway has no code for this: the steps are wrapped from outside, in the process that a test starts (`numbering.py`).
"""

import os
import signal
from collections.abc import Callable
from typing import Any, Final

from diskfaults import Disk

from plantwright_gateway.buffer import Buffer
from plantwright_gateway.buffer.store import Store
from plantwright_gateway.sinks.http.client import HttpSink

MID_CHECKPOINT: Final = "mid_checkpoint"


def arm(text: str) -> None:
    """Kill this process at the n-th passing of a step: `step:n`."""
    step, number = text.split(":")
    passing = _passing(int(number))
    if step == MID_CHECKPOINT:
        _on_checkpoint(passing)
        return
    holder, name, after = STEPS[step]
    original = getattr(holder, name)
    wrap = _after if after else _before
    setattr(holder, name, wrap(original, passing))


def _passing(number: int) -> Callable[[], None]:
    left = [number]

    def passing() -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    return passing


def _before(original: Any, passing: Callable[[], None]) -> Any:
    def wrapped(*arguments: Any, **words: Any) -> Any:
        passing()
        return original(*arguments, **words)

    return wrapped


def _after(original: Any, passing: Callable[[], None]) -> Any:
    if original.__code__.co_flags & 0x80:  # a coroutine function

        async def awaited(*arguments: Any, **words: Any) -> Any:
            result = await original(*arguments, **words)
            passing()
            return result

        return awaited

    def wrapped(*arguments: Any, **words: Any) -> Any:
        result = original(*arguments, **words)
        passing()
        return result

    return wrapped


def _on_checkpoint(passing: Callable[[], None]) -> None:
    """Pages reach the database's own file by a checkpoint only."""

    def at(event: str, path: str) -> int:
        if event == "write" and path.endswith(".db"):
            passing()
        return 0

    Disk(at).install()


STEPS: Final[dict[str, tuple[type, str, bool]]] = {
    "before_insert": (Store, "append", False),
    "before_commit": (Store, "commit", False),
    "after_commit": (Store, "commit", True),
    "before_ack": (Buffer, "append", True),
    "after_send": (HttpSink, "deliver", True),
    "before_delete": (Store, "prune", False),
}
"""Step: where it is, and whether it lies before or after what is named."""
