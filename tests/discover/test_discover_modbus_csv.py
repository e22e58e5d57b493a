"""Register maps as makers write them."""

import pytest

from plantwright_api.v1alpha1.signals import ModbusAddress
from plantwright_cli.discover.modbus_csv import parse
from plantwright_cli.errors import UserError


def _only(text: str, **options: int) -> ModbusAddress:
    [candidate] = parse(text, "map.csv", **options).candidates
    return candidate.modbus


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("40001,a,uint16", ("HoldingRegister", 0, "UInt16", None)),
        ("400001,a,REAL", ("HoldingRegister", 0, "Float32", None)),
        ("30005,a,S32", ("InputRegister", 4, "Int32", None)),
        ("10017,a,BOOL", ("DiscreteInput", 16, "Bool", None)),
        ("100,a,DWORD", ("HoldingRegister", 100, "UInt32", None)),
        ("0x10,a,int", ("HoldingRegister", 16, "Int16", None)),
        ("HR12,a,word", ("HoldingRegister", 12, "UInt16", None)),
        ("40060.3,a,bool", ("HoldingRegister", 59, "Bool", 3)),
        ("7,a,bool", ("Coil", 7, "Bool", None)),
        ("200-201,a,32bit float", ("HoldingRegister", 200, "Float32", None)),
    ],
)
def test_addresses(row: str, expected: tuple[object, ...]) -> None:
    place = _only(f"Address,Name,Type\n{row}")
    assert (place.table, place.address, place.type, place.bit) == expected


def test_german_headers_decimals_and_titles() -> None:
    text = "Presse 7;;;;\nAdresse;Bezeichnung;Datentyp;Einheit;Faktor\n40010;Öldruck;INT;bar;0,1\n"
    [candidate] = parse(text, "map.csv").candidates
    assert (candidate.name, candidate.unit, candidate.scale) == ("Öldruck", "bar", "0.1")


@pytest.mark.parametrize(
    ("scale", "expected"), [("1/100", "0.01"), ("x0.5", "0.5"), ("1", None), ("", None), ("?", None)]
)
def test_scales(scale: str, expected: str | None) -> None:
    [candidate] = parse(f"Address;Name;Scale\n1;a;{scale}", "map.csv").candidates
    assert candidate.scale == expected


def test_a_divisor_is_turned_over() -> None:
    [candidate] = parse("Address;Name;Divisor\n1;a;10", "map.csv").candidates
    assert candidate.scale == "0.1"


def test_maps_that_count_from_one() -> None:
    assert _only("Register,Name\n1,a", first_register=1).address == 0


def test_a_map_that_mixes_is_not_taken_for_40001_style() -> None:
    places = [c.modbus.address for c in parse("Address,Name\n40001,a\n12,b", "map.csv").candidates]
    assert places == [40001, 12]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("70000,a,int,r", "not within 0 … 65535"),
        ("12,a,quux,r", "type 'quux' is unknown"),
        ("12,a,int,w", "only be written"),
        ("HR12,a,bool,r", "needs its bit"),
        ("?,a,int,r", "'?' is no address"),
    ],
)
def test_rows_that_cannot_be_read_are_told_and_left_out(row: str, said: str) -> None:
    offer = parse(f"Address,Name,Type,Access\n1,good,int,r\n{row}", "map.csv")
    assert len(offer.candidates) == 1
    assert said in offer.warnings[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no header"), ("a,b\n1,2", "no header"), ("\x00\x01\x02", "no header"), ("Address,Name\n,", "no row gives")],
)
def test_what_is_no_map_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse(text, "map.csv")
