"""Store and forward: one SQLite file per machine, owned by one thread.

    Buffer (asyncio side) -> jobs -> Writer (the thread: groups, commits, retries) -> Store (SQL) -> Database (file)

A row is accepted when its transaction is committed with synchronous=FULL. There is never a second connection: SQLite
before 3.51.3 can corrupt a WAL that two connections reset at the same instant.
"""

from plantwright_gateway.buffer.buffer import Buffer, BufferClosedError
from plantwright_gateway.buffer.records import Limits, PageRow, SinkPosition, Stats

__all__ = ["Buffer", "BufferClosedError", "Limits", "PageRow", "SinkPosition", "Stats"]
