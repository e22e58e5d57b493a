"""Cancellation that gets lost on its way."""

import asyncio


def heed_cancellation() -> None:
    """End a task that was told to end while a library's call was just being answered.

    Before Python 3.12 `asyncio.wait_for` then gives the answer and forgets the cancellation: the source would go on for ever
    and whoever ends it would wait for ever.

    Raises:
        asyncio.CancelledError: this task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
