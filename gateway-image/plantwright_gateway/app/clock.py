"""The two clocks: wall time for what is written down, monotonic time for ages."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Clock(NamedTuple):
    """Both in ns; `wall` since the epoch, `mono` since whenever."""

    wall: Callable[[], int] = time.time_ns
    mono: Callable[[], int] = time.monotonic_ns
