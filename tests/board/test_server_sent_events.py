"""The stream's format, in pieces of any size."""

import pytest

from plantwright_api.wire.sse import Events, EventTooLongError, event

STREAM = b': hello\r\nevent: x\ndata: {"a":1}\nid: 4\n\ndata:one\ndata: two\n\n\n: still here\n\ndata\n\n' + event(
    b"last"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_in_pieces(size: int) -> None:
    events = Events()
    found = [each for at in range(0, len(STREAM), size) for each in events.feed(STREAM[at : at + size])]
    assert found == [b'{"a":1}', b"one\ntwo", b"last"]


def test_what_has_not_ended_is_not_told() -> None:
    assert list(Events().feed(b"data: half\n")) == []


@pytest.mark.parametrize("piece", [b"x" * 11, b"data: 123456\ndata: 123456\n"], ids=["line", "event"])
def test_an_event_without_end_is_refused(piece: bytes) -> None:
    with pytest.raises(EventTooLongError):
        list(Events(max_bytes=10).feed(piece))
