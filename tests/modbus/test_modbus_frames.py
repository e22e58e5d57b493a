"""Fuzzed answers: only the frame that answers the request gives its bytes."""

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from plantwright_api.wire.config import ModbusAddress
from plantwright_gateway.sources.modbus import frame
from plantwright_gateway.sources.modbus.decode import decoder
from plantwright_gateway.sources.modbus.plan import Area, Range, Request, Value, request_for

TRANSACTION = b"\x12\x34"


def read(unit_id: int, table: str, start: int, length: int) -> Request:
    span = Range(start, start + length)
    address = ModbusAddress(table=table, address=start, type="Bool" if table == "Coil" else "UInt16")
    return request_for(Area(unit_id, table), 1000, [Value("s", 1000, span, decoder(address))])


def answer(request: Request, transaction: bytes = TRANSACTION, fill: int = 1) -> bytes:
    size = (request.length + 7) // 8 if request.area.table == "Coil" else 2 * request.length
    body = bytes([request.area.unit_id, frame.FUNCTIONS[request.area.table], size]) + bytes([fill]) * size
    return transaction + b"\0\0" + len(body).to_bytes(2, "big") + body


requests = st.builds(
    read,
    st.integers(1, 5),
    st.sampled_from(["Coil", "HoldingRegister", "InputRegister"]),
    st.just(0),
    st.integers(1, 40),
)


def accepted(data: bytes, request: Request) -> bytes | None:
    try:
        return frame.payload(data, request)
    except (frame.MismatchError, frame.RefusedError):
        return None


@settings(max_examples=500)
@given(requests, requests)
def test_the_answer_to_another_request_gives_nothing(asked, other):
    given_bytes = accepted(answer(other), asked)
    same = (asked.area, len(answer(asked))) == (other.area, len(answer(other)))
    assert (given_bytes is not None) == same


@settings(max_examples=1000)
@given(requests, st.data())
def test_a_broken_header_gives_nothing(asked, data):
    broken = bytearray(answer(asked))
    place = data.draw(st.sampled_from([2, 3, 4, 5, 6, 7, 8]))
    broken[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != broken[place]))
    assert accepted(bytes(broken), asked) is None


@given(requests, st.binary(max_size=300))
def test_garbage_never_raises_anything_else(asked, garbage):
    if frame.is_complete(garbage):
        accepted(garbage, asked)
    assert 0 <= frame.stale_bytes(garbage, TRANSACTION) <= len(garbage)


@given(requests, st.lists(requests, max_size=3))
def test_late_answers_are_skipped_and_the_right_one_is_found(asked, late):
    stream = b"".join(answer(request, b"\x12\x33", fill=9) for request in late) + answer(asked)
    assert accepted(stream[frame.stale_bytes(stream, TRANSACTION) :], asked) == accepted(answer(asked), asked)


@given(requests)
def test_a_frame_is_complete_at_its_last_byte(asked):
    whole = answer(asked)
    assert [frame.is_complete(whole[:size]) for size in range(len(whole) + 1)] == [False] * len(whole) + [True]


def test_the_modbus_source_does_not_load_other_protocols():
    code = (
        "import sys; import plantwright_gateway.sources.modbus.client; "
        "print([m for m in ('asyncua', 'aiomqtt', 'pydantic', 'kubernetes') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
