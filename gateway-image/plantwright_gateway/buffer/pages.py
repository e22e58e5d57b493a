"""Rows read out of the bytes of SQLite's files, page by page, without SQLite. Pure.

SQLite reads a table from its root downwards and a write-ahead log up to the first frame that does not fit; what lies behind
a broken page is out of its reach though it is whole. Here each page is looked at by itself, and each row is vouched for by
its own checksum. The format: https://sqlite.org/fileformat2.html, sections 1.6 (pages), 2.1 (records), 4.1 (the log).
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from plantwright_gateway.buffer.records import PAGE_BYTES, checksum

LEAF: Final = 0x0D
FILE_HEADER_BYTES: Final = 100
PAGE_HEADER_BYTES: Final = 8
MOST_LOCAL: Final = PAGE_BYTES - 35
LEAST_LOCAL: Final = (PAGE_BYTES - 12) * 32 // 255 - 23
LINK_BYTES: Final = 4
MOST_PAYLOAD: Final = 16 * 1024 * 1024
"""No row is longer; a length that says so is damage."""
WAL_HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
BYTE_ORDERS: Final = {0x377F0682: "<", 0x377F0683: ">"}
"""Of the words that the log's checksums are made of, by its magic number."""
INTEGER_BYTES: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
CONSTANTS: Final = {0: 0, 8: 0, 9: 1}
FIRST_BLOB: Final = 12
TEXTS, INTEGERS = 2, 6
"""Columns of table `rows` after `seq`: kind and contract, the body, then the numbers."""

Fetch = Callable[[int], bytes]
"""A page's image by its number."""


class SavedRow(NamedTuple):
    """A row as table `rows` holds it."""

    seq: int
    kind: str
    contract: str
    body: bytes
    weight: int
    start_ns: int
    end_ns: int
    meets: int
    accepted_ns: int
    crc: int


class Frame(NamedTuple):
    """A page's image in the write-ahead log; `committed` where the log's own checksums say so."""

    number: int
    image: bytes
    committed: bool


def page_rows(image: bytes, number: int, fetch: Fetch) -> Iterator[SavedRow]:
    """The whole rows on a page; none where it is a page of something else."""
    start = FILE_HEADER_BYTES if number == 1 else 0
    if len(image) < PAGE_BYTES or image[start] != LEAF:
        return
    count = min(int.from_bytes(image[start + 3 : start + 5]), (PAGE_BYTES - start) // 2)
    first = start + PAGE_HEADER_BYTES
    for at in range(first, min(first + 2 * count, PAGE_BYTES - 1), 2):
        try:
            row = _row(*_cell(image, int.from_bytes(image[at : at + 2]), fetch))
        except (ValueError, IndexError, KeyError):  # it is damaged, or no row
            continue
        if row.crc == checksum(row.contract.encode(), row.body):
            yield row


def _cell(image: bytes, at: int, fetch: Fetch) -> tuple[int, bytes]:
    """Rowid and record; what does not fit on the page is in a chain of others."""
    size, at = _varint(image, at)
    rowid, at = _varint(image, at)
    if size > MOST_PAYLOAD:
        raise ValueError(size)
    local = _local(size)
    record = image[at : at + local]
    if local == size:
        return rowid, record
    parts, left = [record], size - local
    link = int.from_bytes(image[at + local : at + local + LINK_BYTES])
    while left > 0:
        overflow = fetch(link)
        link = int.from_bytes(overflow[:LINK_BYTES])
        parts.append(overflow[LINK_BYTES : LINK_BYTES + left])
        if not parts[-1]:
            raise ValueError(link)
        left -= len(parts[-1])
    return rowid, b"".join(parts)


def _local(size: int) -> int:
    """Bytes of a record that are on the leaf itself."""
    if size <= MOST_LOCAL:
        return size
    wanted = LEAST_LOCAL + (size - LEAST_LOCAL) % (PAGE_BYTES - LINK_BYTES)
    return wanted if wanted <= MOST_LOCAL else LEAST_LOCAL


def _row(rowid: int, record: bytes) -> SavedRow:
    """The record of table `rows`: NULL for `seq`, which is the rowid, two texts, a blob, six integers."""
    end, at = _varint(record, 0)
    kinds: list[int] = []
    while at < end:
        kind, at = _varint(record, at)
        kinds.append(kind)
    if len(kinds) != 1 + TEXTS + 1 + INTEGERS or kinds[0] != 0:
        raise ValueError(len(kinds))
    texts: list[bytes] = []
    for kind, odd in zip(kinds[1 : 2 + TEXTS], (1, 1, 0), strict=True):
        if kind < FIRST_BLOB or kind % 2 != odd:
            raise ValueError(kind)
        size = (kind - FIRST_BLOB) // 2
        texts.append(record[at : at + size])
        at += size
    numbers: list[int] = []
    for kind in kinds[2 + TEXTS :]:
        size = INTEGER_BYTES[kind]
        numbers.append(CONSTANTS.get(kind, int.from_bytes(record[at : at + size], signed=True)))
        at += size
    return SavedRow(rowid, texts[0].decode(), texts[1].decode(), texts[2], *numbers)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | data[at + 8], at + 9


def wal_frames(wal: bytes) -> list[Frame]:
    """The frames of a write-ahead log, those too that lie behind damage."""
    stride = FRAME_HEADER_BYTES + PAGE_BYTES
    starts = range(WAL_HEADER_BYTES, len(wal) - FRAME_HEADER_BYTES, stride)
    committed = _committed(wal, starts)
    return [
        Frame(
            int.from_bytes(wal[at : at + 4]),
            wal[at + FRAME_HEADER_BYTES : at + stride].ljust(PAGE_BYTES, b"\0"),
            index < committed,
        )
        for index, at in enumerate(starts)
    ]


def _committed(wal: bytes, starts: range) -> int:
    """How many frames from the beginning are whole and part of a transaction that was ended."""
    order = BYTE_ORDERS.get(int.from_bytes(wal[:4]))
    if order is None or len(wal) < WAL_HEADER_BYTES:
        return 0
    salts = wal[16:24]
    sums, found = _sums(wal[:24], order, (0, 0)), 0
    if struct.pack(">2I", *sums) != wal[24:32]:
        return 0
    for index, at in enumerate(starts):
        header, image = wal[at : at + FRAME_HEADER_BYTES], wal[at + FRAME_HEADER_BYTES : at + starts.step]
        if len(image) < PAGE_BYTES or header[8:16] != salts:
            break
        sums = _sums(header[:8] + image, order, sums)
        if struct.pack(">2I", *sums) != header[16:24]:
            break
        if header[4:8] != b"\0\0\0\0":  # the size of the database after a commit
            found = index + 1
    return found


def _sums(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    """The log's running checksum, section 4.2 of the format."""
    one, two = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even, odd in zip(words, words, strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return one, two
