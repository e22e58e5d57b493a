"""A busy API server costs nobody the Lease: what it turns away is asked again within the attempt's own limit."""

from typing import Any

import pytest

from plantwright_operator.cluster.election import Fence, FencedLock
from plantwright_operator.cluster.errors import ApiError, ConflictError, UnavailableError


class Busy:
    """Answers each write of the Lease with the next error until none is left."""

    def __init__(self, *errors: ApiError) -> None:
        self.errors = list(errors)
        self.writes = 0

    async def write_lease(self, lease: dict[str, Any]) -> dict[str, Any]:
        self.writes += 1
        if self.errors:
            raise self.errors.pop(0)
        return lease


BUSY = (UnavailableError("busy", 503), UnavailableError("too many", 429))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("errors", "limit", "held", "writes"),
    [
        pytest.param(BUSY, 5.0, True, 3, id="busy twice"),
        pytest.param(BUSY * 10, 0.7, False, 2, id="busy for longer than the attempt may take"),
        pytest.param((ConflictError("another wrote it", 409),), 5.0, False, 1, id="another has it"),
        pytest.param((UnavailableError("no answer"),), 5.0, False, 1, id="without an answer it may be done already"),
    ],
)
async def test_a_renewal(errors: tuple[ApiError, ...], limit: float, held: bool, writes: int) -> None:
    api: Any = Busy(*errors)
    fence = Fence(10.0)
    lock = FencedLock("lease", "n", "me", api, fence, limit)
    record: Any = type("Record", (), {"lease_duration": "12"})
    assert await lock.create("lease", "n", record) is held
    assert fence.leading is held
    assert api.writes == writes
