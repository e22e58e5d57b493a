"""Files of any kind: read as YAML 1.2, or refused within seconds with a clear word."""

import time
from decimal import Decimal
from typing import Any

import pytest

from plantwright_cli.odcs.document import MAX_BYTES, OdcsError, read, write


def test_scalars_are_those_of_yaml_1_2() -> None:
    found = read("{a: 0.1, b: no, c: 2022-08-02, d: 09:30, e: 010, f: true, g: ~, h: 1e3, i: 'x', j: .nan, k: -5}")
    expected: dict[str, Any] = {"a": Decimal("0.1"), "b": "no", "c": "2022-08-02", "d": "09:30", "e": 10, "f": True}
    assert found == {**expected, "g": None, "h": Decimal("1e3"), "i": "x", "j": ".nan", "k": -5}


def test_words_that_another_reader_would_mistake_are_quoted() -> None:
    assert write({"a": "no", "b": "2022-08-02", "c": Decimal("0.10"), "d": "0.1"}) == (
        "a: 'no'\nb: '2022-08-02'\nc: 0.10\nd: '0.1'\n"
    )
    assert write({"a": "0E0", "b": "1e3", "c": "~", "d": "12:30"}) == "a: '0E0'\nb: '1e3'\nc: '~'\nd: '12:30'\n"
    assert read(write({"x": Decimal("1E+300")})) == {"x": Decimal("1E+300")}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no ODCS document"),
        ("just words", "no ODCS document"),
        ("- a\n- b", "no ODCS document"),
        ("a: [", "no YAML: "),
        ("a: 1\na: 2", "a stands twice"),
        ("1: x", "a key is no text"),
        ("a: !!python/object:os.system x", "no YAML: "),
        (f"a: {'9' * 5000}", "no YAML: "),
        ("a: &x [*x]", "more than 50000 values|unconstructable"),
        ("a: " + "[" * 20_000, "nested deeper|no YAML"),
        (BOMB, "more than 50000 values"),
        ("x" * (MAX_BYTES + 1), "more than 2097152 bytes"),
    ],
    ids=range(12),
)
def test_what_is_no_document_is_refused_soon(text: str, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(OdcsError, match=message):
        read(text)
    assert time.monotonic() - began < 2
