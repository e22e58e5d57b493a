"""A disk that loses what was not synced, tears sectors and refuses, under the gateway's own SQLite.

A thin layer of SQLite's own kind (a VFS) is put over the default one with ctypes: files are still opened, read and locked by
SQLite's code, only writes, truncations, syncs and deletions pass through here. So it is Python's sqlite3 module as the gateway uses
it that is tested, not another build of SQLite. It keeps what was synced of each file and what is still on its way:

    disk = Disk(at)             `at(event, path)` is asked at every write, truncate, sync and delete; 0 lets it pass, an SQLite error
                                code (IOERR_WRITE, IOERR_FSYNC, FULL) makes it fail. After a failed sync the kernel calls the pages
                                clean: what was on its way never reaches the disk, though the process still reads it.
    with disk.installed(): …    every connection opened meanwhile lies on this disk
    disk.cut(chance)            the files' content after a power cut now: what was synced, and of the rest any sectors of 512 bytes
"""

import contextlib
import ctypes
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

SECTOR: Final = 512
IOERR_WRITE: Final = sqlite3.SQLITE_IOERR | (3 << 8)
IOERR_FSYNC: Final = sqlite3.SQLITE_IOERR | (4 << 8)
FULL: Final = sqlite3.SQLITE_FULL

_POINTER, _INT, _LONG, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_char_p
_OPEN = ctypes.CFUNCTYPE(_INT, _POINTER, _TEXT, _POINTER, _INT, _POINTER)
_DELETE = ctypes.CFUNCTYPE(_INT, _POINTER, _TEXT, _INT)
_CLOSE = ctypes.CFUNCTYPE(_INT, _POINTER)
_WRITE = ctypes.CFUNCTYPE(_INT, _POINTER, _POINTER, _INT, _LONG)
_TRUNCATE = ctypes.CFUNCTYPE(_INT, _POINTER, _LONG)
_SYNC = ctypes.CFUNCTYPE(_INT, _POINTER, _INT)


class _Vfs(ctypes.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = [
        ("version", _INT),
        ("file_size", _INT),
        ("path_size", _INT),
        ("next", _POINTER),
        ("name", _TEXT),
        ("data", _POINTER),
        ("open", _OPEN),
        ("delete", _DELETE),
        ("rest", _POINTER * 14),
    ]


class _Methods(ctypes.Structure):
    """sqlite3_io_methods, version 3."""

    _fields_ = [
        ("version", _INT),
        ("close", _CLOSE),
        ("read", _POINTER),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("rest", _POINTER * 13),
    ]


class _File(NamedTuple):
    path: str
    methods: Any
    """SQLite's own."""


class _Write(NamedTuple):
    """On its way to the disk: bytes at an offset; None for a truncation to that length."""

    offset: int
    content: bytes | None


class Image:
    """One file: what a power cut leaves for certain, and what it may leave."""

    def __init__(self, durable: bytes = b"") -> None:
        self.durable = bytearray(durable)
        self.pending: list[_Write] = []

    def sync(self) -> None:
        """All that was written is on the disk."""
        for write in self.pending:
            _apply(self.durable, write)
        self.pending.clear()

    def copy(self) -> "Image":
        """As it is now."""
        found = Image(self.durable)
        found.pending = list(self.pending)
        return found

    def cut(self, chance: random.Random) -> bytes:
        """What is left: of each write on its way all, nothing, or any of its sectors."""
        content = bytearray(self.durable)
        for write in self.pending:
            for part in _torn(write, chance):
                _apply(content, part)
        return bytes(content)


def _apply(content: bytearray, write: _Write) -> None:
    if write.content is None:
        del content[write.offset :]
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset : write.offset + len(write.content)] = write.content


def _torn(write: _Write, chance: random.Random) -> Iterator[_Write]:
    share = chance.choice((0.0, 0.5, 1.0))
    if write.content is None:
        if chance.random() < share:
            yield write
        return
    start = 0
    while start < len(write.content):
        size = SECTOR - (write.offset + start) % SECTOR
        if chance.random() < share:
            yield _Write(write.offset + start, write.content[start : start + size])
        start += size


At = Callable[[str, str], int]


class Disk:
    """See the module."""

    def __init__(self, at: At = lambda _event, _path: 0) -> None:
        self.files: dict[str, Image] = {}
        self.failed = 0
        self._at = at
        self._open: dict[int, _File] = {}
        self._tables: dict[int, tuple[Any, Any]] = {}
        self._library = library()
        self._default = self._library.sqlite3_vfs_find(None)
        self._original = _Vfs.from_address(self._default)
        self._vfs = _Vfs()
        ctypes.memmove(ctypes.byref(self._vfs), self._default, ctypes.sizeof(_Vfs))
        self._vfs.name, self._vfs.next = b"diskfaults", None
        self._vfs.open, self._vfs.delete = _OPEN(self._on_open), _DELETE(self._on_delete)
        self._calls = (
            _CLOSE(self._on_close),
            _WRITE(self._on_write),
            _TRUNCATE(self._on_truncate),
            _SYNC(self._on_sync),
        )

    def install(self) -> None:
        """Every connection opened from now on lies on this disk."""
        _KEPT.append(self)
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)

    @contextlib.contextmanager
    def installed(self) -> Iterator["Disk"]:
        """Likewise, for as long as the context lasts; connections opened meanwhile should be closed in it."""
        self.install()
        try:
            yield self
        finally:
            self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
            self._library.sqlite3_vfs_register(self._default, 1)

    def snapshot(self) -> dict[str, Image]:
        """All files as they are now, to be cut later."""
        return {path: image.copy() for path, image in self.files.items()}

    # called by SQLite

    def _on_open(self, vfs: int, name: bytes | None, file: int, flags: int, out: int) -> int:
        code: int = self._original.open(vfs, name, file, flags, out)
        if code or not name:
            return code
        path = name.decode()
        self.files.setdefault(path, Image(Path(path).read_bytes()))
        slot = _POINTER.from_address(file)
        own, ours = self._table(slot.value or 0)
        self._open[file] = _File(path, own)
        slot.value = ctypes.addressof(ours)
        return code

    def _table(self, address: int) -> tuple[Any, Any]:
        if address not in self._tables:
            own, ours = _Methods.from_address(address), _Methods()
            ctypes.memmove(ctypes.byref(ours), address, ctypes.sizeof(_Methods))
            ours.close, ours.write, ours.truncate, ours.sync = self._calls
            self._tables[address] = own, ours
        return self._tables[address]

    def _on_close(self, file: int) -> int:
        code: int = self._open.pop(file).methods.close(file)
        return code

    def _on_write(self, file: int, content: int, size: int, offset: int) -> int:
        path, own = self._open[file]
        if code := self._asked("write", path):
            return code
        done: int = own.write(file, content, size, offset)
        if not done:
            self.files[path].pending.append(_Write(offset, ctypes.string_at(content, size)))
        return done

    def _on_truncate(self, file: int, size: int) -> int:
        path, own = self._open[file]
        if code := self._asked("truncate", path):
            return code
        done: int = own.truncate(file, size)
        if not done:
            self.files[path].pending.append(_Write(size, None))
        return done

    def _on_sync(self, file: int, flags: int) -> int:
        path, own = self._open[file]
        if code := self._asked("sync", path):
            self.files[path].pending.clear()
            return code
        self.files[path].sync()
        done: int = own.sync(file, flags)
        return done

    def _on_delete(self, vfs: int, name: bytes, sync: int) -> int:
        if code := self._asked("delete", name.decode()):
            return code
        self.files.pop(name.decode(), None)
        done: int = self._original.delete(vfs, name, sync)
        return done

    def _asked(self, event: str, path: str) -> int:
        code = self._at(event, path)
        self.failed += bool(code)
        return code


_KEPT: Final[list[Disk]] = []
"""SQLite may call a layer for as long as a connection lives, so none is ever let go."""


def library() -> Any:
    """The SQLite that Python's sqlite3 module uses.

    Raises:
        OSError: it is not a library of its own but built into the interpreter.
    """
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    found = next((line.split()[-1] for line in maps if "libsqlite3" in line), None)
    if found is None:
        raise OSError("Python's sqlite3 has SQLite built in: there is nothing to put a layer on")
    loaded = ctypes.CDLL(found)
    loaded.sqlite3_vfs_find.restype = _POINTER
    loaded.sqlite3_vfs_find.argtypes = [_TEXT]
    loaded.sqlite3_vfs_register.argtypes = [_POINTER, _INT]
    loaded.sqlite3_vfs_unregister.argtypes = [_POINTER]
    return loaded
