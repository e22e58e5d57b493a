"""What the MES makes of bytes, and of a batch held against a watermark."""

import msgspec
import pytest

from plantwright_mes.batch import Hole, MalformedError, admit, parse
from plantwright_mes.streams import Stream, body


@pytest.mark.parametrize(
    ("first", "last", "watermark", "fresh", "ignored", "hole"),
    [
        pytest.param(1, 3, 0, [1, 2, 3], 0, None, id="new stream"),
        pytest.param(4, 6, 3, [4, 5, 6], 0, None, id="next"),
        pytest.param(1, 3, 3, [], 3, None, id="seen before"),
        pytest.param(2, 5, 3, [4, 5], 2, None, id="overlap"),
        pytest.param(5, 6, 3, [5, 6], 0, Hole(3, 4), id="hole"),
        pytest.param(2, 2, 0, [2], 0, Hole(0, 1), id="hole in a new stream"),
    ],
)
def test_admission(first: int, last: int, watermark: int, fresh: list[int], ignored: int, hole: Hole | None) -> None:
    admission = admit(parse(Stream().batch(first, last)), watermark)
    assert [item.sequence for item in admission.fresh] == fresh
    assert (admission.ignored, admission.hole) == (ignored, hole)


def test_dropped_sequences_are_no_hole() -> None:
    stream = Stream()
    batch = parse(body([stream.event(10, previoussequence=stream.event(3).sequence)]))
    assert admit(batch, 3).hole is None
    assert admit(batch, 2).hole == Hole(2, 3)


def test_one_event_may_stand_alone() -> None:
    stream = Stream()
    batch = parse(msgspec.json.encode(stream.event(1)))
    assert (batch.uid, batch.epoch, len(batch.items)) == (stream.uid, stream.epoch, 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "truncated"),
        (b"[]", "empty"),
        (b"[1]", "Expected `object`"),
        (b"\xff\xfe[]", "malformed"),
        (b'{"specversion":"1.0"}', "missing required field"),
        (Stream().batch(1, 1).replace(b'"1.0"', b'"0.3"'), "specversion"),
        (body([Stream().event(1, sequence="-1")]), "no sequence"),
        (body([Stream().event(1, sequence="²")]), "no sequence"),
        (body([Stream().event(1, sequence="9" * 20)]), "no sequence"),
        (body([Stream().event(1, sequence="1" * 4000)]), "no sequence"),
        (body([Stream().event(1, previoussequence="1")]), "not below"),
        (body([Stream().event(1), Stream().event(2)]), "mixes"),
        (body([Stream().event(1, gatewayuid="")]), "gatewayuid"),
        (body([Stream().event(1, epoch="a\x00b")]), "epoch"),
    ],
)
def test_malformed(content: bytes, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        parse(content)


def test_a_broken_stretch_is_malformed() -> None:
    stream = Stream()
    with pytest.raises(MalformedError, match="follows 1 and names 2"):
        parse(body([stream.event(1), stream.event(3)]))
