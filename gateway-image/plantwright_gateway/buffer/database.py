"""The file: made, opened, checked, and moved aside where it is broken."""

import contextlib
import os
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from plantwright_gateway.buffer.highwater import recall
from plantwright_gateway.buffer.quarantine import add_columns
from plantwright_gateway.buffer.records import WAL_FRAME_BYTES, Limits
from plantwright_gateway.buffer.salvage import learn, refill, saved_rows

SCHEMA_VERSION: Final = 1
CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
FULL_SYNC: Final = 2
NETWORK_FILESYSTEMS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "glusterfs", "ceph"})
ASIDE_DIR: Final = "quarantine"

SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE rows (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  contract TEXT NOT NULL,
  body BLOB NOT NULL,
  weight INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  meets INTEGER NOT NULL,
  accepted_ns INTEGER NOT NULL,
  crc INTEGER
);
CREATE TABLE sinks (name TEXT PRIMARY KEY, watermark INTEGER NOT NULL, acknowledged INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  recorded_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  contract TEXT NOT NULL,
  field TEXT NOT NULL,
  signal TEXT NOT NULL,
  value TEXT NOT NULL,
  time_ns INTEGER NOT NULL,
  sink TEXT NOT NULL,
  seq INTEGER,
  body BLOB,
  version TEXT NOT NULL DEFAULT '',
  packed BLOB
);
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class CorruptError(Exception):
    """The file is no database, or a broken one."""


class Opened(NamedTuple):
    """A connection, and the write-ahead log as it was before SQLite looked at it."""

    connection: sqlite3.Connection
    log: bytes


def open_database(path: Path, uid: str, limits: Limits, now_ns: int) -> Opened:
    """Open the file, or make it; a broken one is moved aside, and what can be read of it is in the one that replaces it.

    Raises:
        OSError: the folder cannot be made or written, or lies on a network file system.
        sqlite3.Error: the file cannot be opened for a reason that is not its content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    refuse_network(path.parent)
    replacement = _part(path, "-new")
    if replacement.exists() and not path.exists():
        replacement.replace(path)
    log = _content(_part(path, "-wal"))
    try:
        return Opened(_connect(path, limits, {"uid": uid, "epoch": new_epoch(), "created_ns": now_ns}), log)
    except CorruptError:
        _make_anew(path, replacement, uid, log, limits)
        move_aside(path, limits, now_ns)
        replacement.replace(path)
        return Opened(_connect(path, limits, {}), b"")


def _make_anew(path: Path, replacement: Path, uid: str, log: bytes, limits: Limits) -> None:
    """Fill a file beside the broken one with what can be read. It is found and begun again after a kill in the midst."""
    for part in (replacement, _part(replacement, "-wal")):
        part.unlink(missing_ok=True)
    known = learn(path)
    epoch, high = recall(path)
    epoch = epoch or known.epoch
    room = limits._replace(max_bytes=max(limits.max_bytes - path.stat().st_size, limits.max_bytes // 2))
    rows = saved_rows(path, log, high) if epoch else iter(())
    meta: dict[str, str | int] = {"uid": uid, "epoch": epoch or new_epoch(), "created_ns": known.created_ns}
    with contextlib.closing(_connect(replacement, room, meta)) as new:
        refill(new, known, rows, high, room)
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _part(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _content(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the error speaks of the file's content."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in CORRUPT


def _connect(path: Path, limits: Limits, meta: Mapping[str, str | int]) -> sqlite3.Connection:
    """`meta` is what a file that has to be made begins with."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    try:
        _configure(connection, limits)
        _check(connection)
        _make_schema(connection, meta)
    except sqlite3.Error as error:
        connection.close()
        if is_corrupt(error):
            raise CorruptError(str(error)) from error
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, limits: Limits) -> None:
    """Set what each connection must set again. EXCLUSIVE keeps a second process out and needs no -shm file."""
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous=FULL")
    synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or synchronous != FULL_SYNC:
        raise sqlite3.OperationalError(f"durability is not to be had: journal_mode={mode}, synchronous={synchronous}")
    connection.execute("PRAGMA mmap_size=0")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA cache_size=-1024")
    apply_limits(connection, limits)


def apply_limits(connection: sqlite3.Connection, limits: Limits) -> None:
    """Set what follows from the bound; may be called again when it changes."""
    connection.execute(f"PRAGMA wal_autocheckpoint={limits.wal_pages}")
    connection.execute(f"PRAGMA journal_size_limit={limits.wal_pages * WAL_FRAME_BYTES}")
    connection.execute(f"PRAGMA max_page_count={limits.database_pages}")


def _check(connection: sqlite3.Connection) -> None:
    answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise CorruptError(answer)


def _make_schema(connection: sqlite3.Connection, meta: Mapping[str, str | int]) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        add_columns(connection)
        return
    if version > SCHEMA_VERSION:
        raise sqlite3.OperationalError(f"the file is of a newer gateway (schema {version})")
    connection.execute("BEGIN IMMEDIATE")
    for statement in filter(str.strip, SCHEMA.split(";")):
        connection.execute(statement)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", {**meta, "schema": SCHEMA_VERSION}.items())
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")
    # The epoch must not stand in the WAL alone: a damaged WAL would take the stream's identity with it.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def new_epoch() -> str:
    """A name that no other file has had."""
    return secrets.token_hex(8)


def move_aside(path: Path, limits: Limits, now_ns: int) -> None:
    """Keep the newest broken file for a person to look at, unless it would take more than half of the bound."""
    folder = aside_folder(path)
    shutil.rmtree(folder, ignore_errors=True)
    parts = [path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")]
    parts = [part for part in parts if part.exists()]
    if sum(part.stat().st_size for part in parts) > limits.max_bytes // 2:
        for part in parts:
            part.unlink()
        return
    folder.mkdir(parents=True)
    for part in parts:
        part.replace(folder / f"{part.name}.{now_ns}")


def aside_bytes(path: Path) -> int:
    """Disk that a file moved aside takes; it counts against the bound."""
    with contextlib.suppress(OSError):
        return sum(part.stat().st_size for part in aside_folder(path).iterdir())
    return 0


def disk_bytes(path: Path) -> int:
    """What the buffer could take if it took all that is left on its disk."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return sys.maxsize
    own = 0
    for part in path.parent.glob(f"{path.name}*"):
        with contextlib.suppress(OSError):
            own += part.stat().st_size
    return disk.f_bavail * disk.f_frsize + own


def aside_folder(path: Path) -> Path:
    """Where a broken file of this name goes; several machines may share the folder above."""
    return path.parent / ASIDE_DIR / path.name


def refuse_network(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """SQLite's locks and WAL do not hold on network file systems.

    Raises:
        OSError: naming the file system.
    """
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return
    real = folder.resolve()
    holding = [words for words in lines if len(words) > 2 and real.is_relative_to(words[1])]
    kind = max(holding, key=lambda words: len(words[1]), default=["", "", ""])[2]
    if kind in NETWORK_FILESYSTEMS:
        raise OSError(f"the buffer lies on {kind}, which cannot keep it safe")
