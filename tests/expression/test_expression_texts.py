"""Functions that take texts and registers apart: what they give, when they give nothing, and what is refused beforehand."""

import re
import time

import pytest

from plantwright_api.expression import ExpressionError, compile_expression, names_in

FIELDS = {"s": "String", "i": "Integer", "b": "Boolean"}


@pytest.mark.parametrize(
    ("text", "s", "expected"),
    [
        ("matches(s, '^P[0-9]+$')", "P12", True),
        ("s.matches('[0-9]{3}')", "a1234", True),
        ("s.matches('^x')", "ax", False),
        ("capture(s, 'T=([0-9.]+)')", "S=4;T=21.5", "21.5"),
        ("s.capture('(a)|(b)') == 'a'", "xa", True),
        ("split(s, ';', 0)", "a;b;c", "a"),
        ("split(s, ';', 2)", "a;b;c", "c"),
        ("split(s, ';', 1)", "a;;c", ""),
        ("split(s, ' - ', 1)", "a - b", "b"),
        ("trim(s)", "  a b\r\n", "a b"),
        ("number(s)", " +21.50 ", 21.5),
        ("number(s)", "-3", -3.0),
        ("number(s)", ".5e1", 5.0),
        ("number(s, ',')", "21,5", 21.5),
        ("integer(s)", " 0042 ", 42),
        ("integer(s)", "-7", -7),
        ("integer(s.split('|', 1)) * 2", "x|21|y", 42),
        ("matches(s, '^E') ? integer(capture(s, '([0-9]+)')) : 0", "ready", 0),
    ],
)
def test_texts_are_taken_apart(text: str, s: str, expected: object) -> None:
    found = compile_expression(text, FIELDS).over({"s": s})
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "s"),
    [
        ("capture(s, 'T([0-9])')", "none"),
        ("capture(s, '(a)|b')", "b"),
        ("capture(s, 'T([0-9])') == 'x'", "none"),
        ("split(s, ';', 1)", "a"),
        ("split(s, ';', -1)", "a;b"),
        ("split(s, '', 0)", "a"),
        ("split(s, ';', 1000)", ";" * 2000),
        ("number(s)", "21,5"),
        ("number(s, ',')", "21.5"),
        ("number(s, ',')", "1.021,5"),
        ("number(s, ';')", "1"),
        ("number(s)", "nan"),
        ("number(s)", "inf"),
        ("number(s)", "1e999"),
        ("number(s)", "0x10"),
        ("number(s)", "١٢"),
        ("number(s)", "1_000"),
        ("number(s)", ""),
        ("number(s)", "9" * 65),
        ("integer(s)", "1.0"),
        ("integer(s)", "ERR"),
        ("integer(s)", "9" * 25),
        ("matches(s, 'a')", "a\ud800"),
    ],
)
def test_what_is_not_there_is_no_value(text: str, s: str) -> None:
    assert compile_expression(text, FIELDS).over({"s": s}) is None


@pytest.mark.parametrize(
    ("first", "count", "value", "expected"),
    [
        (0, 4, 0xABCD, 0xD),
        (8, 8, 0xABCD, 0xAB),
        (15, 1, 0x8000, 1),
        (0, 16, -1, 0xFFFF),
        (0, 64, 2**64 - 1, 2**64 - 1),
        (60, 5, 1, None),
        (-1, 2, 1, None),
        (0, 0, 1, None),
    ],
)
def test_bits_of_a_word(first: int, count: int, value: int, expected: int | None) -> None:
    assert compile_expression(f"bits(i, {first}, {count})", FIELDS).over({"i": value}) == expected


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("matches(s, s)", 12, "the pattern of matches must be a text in quotes"),
        ("matches(s, '(')", 12, "the pattern of matches: missing )"),
        ("s.matches('(?=a)')", 11, "RE2 knows no look-around"),
        ("capture(s, 'abc')", 12, "it has no group; put what is wanted of the text in parentheses"),
        ("matches(i, 'a')", 9, "matches takes a String here, not an Integer"),
        ("split(s, ';')", 1, "split takes 3 arguments, not 2"),
        ("split(s, ';', '1')", 15, "split takes a Integer here, not a String"),
        ("number(i)", 8, "number takes a String here"),
        ("bits(s, 0, 1)", 6, "bits takes a Integer here"),
        ("number(x)", 8, "there is no signal x"),
    ],
)
def test_a_refusal_says_where_and_what(text: str, position: int, words: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(words)) as refusal:
        compile_expression(text, FIELDS, noun="signal")
    assert refusal.value.position == position


def test_a_pattern_built_to_hang_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compile_expression("matches(s, '^(a+)+$') || capture(s, '^((a|a)*)*$') == 'a'", FIELDS)
    began = time.monotonic()
    assert found.over({"s": "a" * 50_000 + "b"}) is None
    assert time.monotonic() - began < 0.5


def test_a_pattern_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import re2

    made: list[str] = []
    compile_ = re2.compile
    monkeypatch.setattr(re2, "compile", lambda pattern, options: made.append(pattern) or compile_(pattern, options))
    found = compile_expression("matches(s, 'once') && !matches(s, 'only')", FIELDS)
    for _ in range(10):
        assert found.over({"s": "once"}) is True
    assert made == ["once", "only"]


def test_names_are_those_of_fields() -> None:
    assert names_in("b && matches(s, 'i') || i in [1, i] ? true : s.trim() == s") == ("b", "s", "i")
