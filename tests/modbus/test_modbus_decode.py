"""Bytes of an answer to values: every type in every order, written by struct as the judge."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.wire.config import ModbusAddress
from plantwright_gateway.sources.modbus.decode import FORMATS, decoder, width

ORDERS = [
    ("BigEndian", "HighWordFirst"),
    ("BigEndian", "LowWordFirst"),
    ("LittleEndian", "HighWordFirst"),
    ("LittleEndian", "LowWordFirst"),
]
EXTREMES = {
    "Int16": [-32768, -1, 0, 32767],
    "UInt16": [0, 0x1234, 65535],
    "Int32": [-(2**31), -2, 2**31 - 1],
    "UInt32": [0x12345678, 2**32 - 1],
    "Int64": [-(2**63), 0x123456789ABCDEF, 2**63 - 1],
    "UInt64": [0x123456789ABCDEF0, 2**64 - 1],
    "Float32": [1.5, -0.0, 3.0000000054977558e38],
    "Float64": [math.pi, -1e300],
}


def on_the_wire(type_: str, value: float, byte_order: str, word_order: str) -> bytes:
    """The registers of a device with these orders, straight from their definition."""
    raw = struct.pack(">" + FORMATS[type_], value)
    words = [raw[i : i + 2] for i in range(0, len(raw), 2)]
    if word_order == "LowWordFirst":
        words.reverse()
    return b"".join(word if byte_order == "BigEndian" else word[::-1] for word in words)


def address(type_: str, **more: object) -> ModbusAddress:
    return ModbusAddress(table=more.pop("table", "HoldingRegister"), address=0, type=type_, **more)


@pytest.mark.parametrize(("byte_order", "word_order"), ORDERS)
@pytest.mark.parametrize("type_", EXTREMES)
def test_numbers_in_all_orders(type_, byte_order, word_order):
    place = address(type_, byte_order=byte_order, word_order=word_order)
    decode = decoder(place)
    for value in EXTREMES[type_]:
        block = b"\xaa\xbb" + on_the_wire(type_, value, byte_order, word_order) + b"\xcc\xdd"
        assert len(block) - 4 == 2 * width(place)
        expected = struct.unpack(">f", struct.pack(">f", value))[0] if type_ == "Float32" else value
        assert decode(block, 2) == expected


@pytest.mark.parametrize(("byte_order", "word_order"), ORDERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_pass_as_they_are(value, byte_order, word_order):
    decode = decoder(address("Float32", byte_order=byte_order, word_order=word_order))
    assert repr(decode(on_the_wire("Float32", value, byte_order, word_order), 0)) == repr(value)


@pytest.mark.parametrize(("byte_order", "bit_5"), [("BigEndian", b"\x00\x20"), ("LittleEndian", b"\x20\x00")])
def test_a_bit_of_a_register(byte_order, bit_5):
    reads = [decoder(address("Bool", bit=bit, byte_order=byte_order))(bit_5, 0) for bit in range(16)]
    assert reads == [bit == 5 for bit in range(16)]


def test_coils_are_counted_from_the_lowest_bit():
    read = decoder(address("Bool", table="Coil"))
    assert [read(b"\x05\x80", offset) for offset in range(16)] == [n in (0, 2, 15) for n in range(16)]


@pytest.mark.parametrize(
    ("raw", "length", "byte_order", "text"),
    [
        pytest.param(b"ABCD", 4, "BigEndian", "ABCD", id="plain"),
        pytest.param(b"BADC", 4, "LittleEndian", "ABCD", id="swapped"),
        pytest.param(b"ABCX", 3, "BigEndian", "ABC", id="odd length"),
        pytest.param(b"AB\0Z", 4, "BigEndian", "AB", id="ends at NUL"),
        pytest.param(b"A   ", 4, "BigEndian", "A", id="padded"),
        pytest.param("Öl€".encode(), 6, "BigEndian", "Öl€", id="UTF-8"),
        pytest.param(b"\xd6l", 2, "BigEndian", "Öl", id="Latin-1"),
        pytest.param(b"\0\0", 2, "BigEndian", "", id="empty"),
    ],
)
def test_text(raw, length, byte_order, text):
    assert decoder(address("String", length=length, byte_order=byte_order))(raw, 0) == text


@given(st.binary(min_size=250, max_size=250), st.sampled_from([*FORMATS, "String", "Bool"]), st.sampled_from(ORDERS))
def test_any_bytes_give_a_value(block, type_, orders):
    place = address(type_, length=20, bit=3, byte_order=orders[0], word_order=orders[1])
    assert decoder(place)(block, 4) is not None
