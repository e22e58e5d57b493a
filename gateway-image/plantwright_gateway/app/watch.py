"""Follows the configuration file. A mounted ConfigMap changes by swapping a link, so that its inode changes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.5
Signature = tuple[int, int, int]


async def watch(path: Path, changed: Callable[[bytes], Awaitable[None]], missing: Callable[[str], None]) -> None:
    """Read the file whenever it changes, until cancelled; `missing` is told why it cannot be read."""
    seen: Signature | None = None
    while True:
        try:
            signature, content = _read(path, seen)
            if signature != seen:
                seen = signature
                await changed(content)
        except OSError as error:
            missing(f"{path.name}: {error.strerror or error}")
        await asyncio.sleep(POLL_SECONDS)


def _read(path: Path, seen: Signature | None) -> tuple[Signature, bytes]:
    """What tells this content from another, and the content where it is another one."""
    found = path.stat()
    signature = (found.st_ino, found.st_mtime_ns, found.st_size)
    return signature, (b"" if signature == seen else path.read_bytes())
