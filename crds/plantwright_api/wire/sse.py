"""Server-sent events (HTML Living Standard, 9.2.6), as far as our streams use them: bytes in, the data of whole events out."""

from collections.abc import Iterator

MAX_BYTES = 4 * 1024 * 1024
"""No event of ours comes near: two thousand machines in one frame take a quarter of it."""
CONTENT_TYPE = "text/event-stream"


class EventTooLongError(ValueError):
    """What comes is no stream of ours: an event does not end."""


class Events:
    """Takes a stream in pieces of any size."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._rest, self._data, self._size, self._max = b"", list[bytes](), 0, max_bytes

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of each event that ends in this piece. Comments, names and ids are passed over.

        Raises:
            EventTooLongError: an event is longer than the bound.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            data = self._line(line.removesuffix(b"\r"))
            if data is not None:
                yield data
        if len(self._rest) + self._size > self._max:
            raise EventTooLongError(f"an event of more than {self._max} bytes")

    def _line(self, line: bytes) -> bytes | None:
        if line.startswith(b"data:"):
            value = line[5:].removeprefix(b" ")
            self._data.append(value)
            self._size += len(value)
        if line or not self._data:
            return None
        data = b"\n".join(self._data)
        self._data.clear()
        self._size = 0
        return data


def event(data: bytes) -> bytes:
    """One event, of data without line breaks."""
    return b"data: " + data + b"\n\n"
