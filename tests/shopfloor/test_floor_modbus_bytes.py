"""The Modbus server's pure parts: frames, registers, layouts."""

import struct

import pytest

from plantwright_shopfloor.behaviour import Behaviour, Parameters, Value
from plantwright_shopfloor.modbus.frame import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    GarbageError,
    Read,
    Request,
    answer,
    pack_bits,
    read_of,
    refusal,
    split,
)
from plantwright_shopfloor.modbus.image import Image, Layout, Point, words
from plantwright_shopfloor.modbus.layouts import LAYOUTS

READ_HOLDING = bytes.fromhex("0001 0000 0006 11 03 006b 0003")


def test_a_request_may_come_byte_by_byte() -> None:
    buffer, found = b"", []
    for byte in READ_HOLDING * 2:
        requests, buffer = split(buffer + bytes([byte]))
        found += requests
    assert found == [Request(1, 0x11, 3, bytes.fromhex("006b0003"))] * 2
    assert buffer == b""


@pytest.mark.parametrize(
    "garbage",
    ["0001 0001 0006 11 03 0000 0001", "0001 0000 0001 11 03", "0001 0000 ffff 11 03", "4745 5420 2f20 48 54"],
)
def test_garbage(garbage: str) -> None:
    with pytest.raises(GarbageError):
        split(bytes.fromhex(garbage))


@pytest.mark.parametrize(
    ("function", "data", "expected"),
    [
        (3, "00000001", Read("HoldingRegister", 0, 1)),
        (4, "ffff0001", Read("InputRegister", 65535, 1)),
        (1, "000007d0", Read("Coil", 0, 2000)),
        (2, "00000001", Read("DiscreteInput", 0, 1)),
        (3, "0000007e", ILLEGAL_VALUE),
        (1, "000007d1", ILLEGAL_VALUE),
        (3, "00000000", ILLEGAL_VALUE),
        (3, "0000", ILLEGAL_VALUE),
        (3, "ffff0002", ILLEGAL_ADDRESS),
        (6, "00000001", ILLEGAL_FUNCTION),
        (16, "00000001", ILLEGAL_FUNCTION),
    ],
)
def test_what_is_asked_for(function: int, data: str, expected: Read | int) -> None:
    assert read_of(Request(1, 1, function, bytes.fromhex(data))) == expected


def test_answers() -> None:
    request = Request(7, 9, 3, b"")
    assert answer(request, "HoldingRegister", [1, 0xFFFF]).hex() == "0007000000070903040001ffff"
    assert answer(request._replace(function=1), "Coil", [1, 0, 1]).hex() == "00070000000409010105"
    assert refusal(request, 2).hex() == "000700000003098302"
    assert pack_bits([0] * 8 + [1]) == b"\x00\x01"


@pytest.mark.parametrize(
    ("point", "value", "order", "expected"),
    [
        (Point("s", "HoldingRegister", 0, "UInt16"), 65_537, "HighWordFirst", [1]),
        (Point("s", "HoldingRegister", 0, "UInt16", 0.1), 12.34, "HighWordFirst", [123]),
        (Point("s", "HoldingRegister", 0, "Int16", 0.1), -2.0, "HighWordFirst", [0xFFEC]),
        (Point("s", "HoldingRegister", 0, "UInt32"), 0x00010002, "HighWordFirst", [1, 2]),
        (Point("s", "HoldingRegister", 0, "UInt32"), 0x00010002, "LowWordFirst", [2, 1]),
        (Point("s", "HoldingRegister", 0, "Int32", 0.001), -1.5, "HighWordFirst", [0xFFFF, 0xFA24]),
        (Point("s", "HoldingRegister", 0, "Float32"), 1.5, "HighWordFirst", [0x3FC0, 0]),
        (Point("s", "HoldingRegister", 0, "String", length=6), "O1 Ü", "HighWordFirst", [0x4F31, 0x203F, 0]),
        (Point("s", "Coil", 0, "Bool"), True, "HighWordFirst", [1]),
    ],
)
def test_values_as_registers(point: Point, value: Value, order: str, expected: list[int]) -> None:
    assert words(point, value, order) == expected  # type: ignore[arg-type]


LAYOUT = Layout(
    (Point("sequence", "HoldingRegister", 10, "UInt32"), Point("a", "HoldingRegister", 12, "UInt16")),
    blocks=(("HoldingRegister", 8, 4),),
)


@pytest.mark.parametrize(
    ("address", "quantity", "exists", "takes"),
    [
        (8, 5, True, True),
        (8, 2, True, False),
        (10, 1, True, True),
        (11, 1, True, False),
        (12, 2, False, False),
        (7, 2, False, False),
    ],
)
def test_which_reads_exist_and_take_a_number(address: int, quantity: int, exists: bool, takes: bool) -> None:
    image, read = Image(LAYOUT), Read("HoldingRegister", address, quantity)
    assert (image.exists(read), image.covers_sequence(read)) == (exists, takes)
    assert not image.exists(read._replace(table="InputRegister"))


def test_a_read_may_cut_a_value() -> None:
    values = {"sequence": 0x00010002, "a": 7}
    assert Image(LAYOUT).read(Read("HoldingRegister", 8, 5), values) == [0, 0, 1, 2, 7]
    assert Image(LAYOUT).read(Read("HoldingRegister", 11, 1), values) == [2]


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_fit_the_behaviour_and_do_not_overlap(name: str) -> None:
    layout = LAYOUTS[name]
    values = {**Behaviour(1, Parameters()).values(), "sequence": 1}
    taken = [(p.table, a) for p in layout.points for a in range(p.address, p.address + p.size())]
    assert len(set(taken)) == len(taken)
    for point in layout.points:
        assert len(words(point, values[point.signal], layout.word_order)) == point.size()


def test_a_number_is_whole_on_the_wire() -> None:
    layout = LAYOUTS["press"]
    point = layout.sequence()
    low, high = Image(layout).read(
        Read(point.table, point.address, 2), {**Behaviour(1, Parameters()).values(), "sequence": 70_000}
    )
    assert struct.unpack(">I", struct.pack(">HH", high, low)) == (70_000,)
