"""What an expression means, what it is refused for, and that nothing it is given makes it raise or run away."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.expression import LONGEST_TEXT, MOST_NODES, ExpressionError, compile_expression

FIELDS = {"n": "Number", "i": "Integer", "j": "Integer", "s": "String", "b": "Boolean", "t": "Timestamp"}
VALUES: dict[str, Any] = {"n": 2.5, "i": 7, "j": -2, "s": "NC_12", "b": True}


def result(text: str, **values: Any) -> Any:
    return compile_expression(text, FIELDS).over({**VALUES, **values})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n + i * 2", 16.5),
        ("(n + i) * 2", 19.0),
        ("i - j - 1", 8),
        ("-i + 1", -6),
        ("--i", 7),
        ("i / 2", 3.5),
        ("i % 3", 1),
        ("-i % 3", -1),
        ("i % j", 1),
        ("n == 2.5", True),
        ("i != 7", False),
        ("i == 7.0", True),
        ("s < 'ND'", True),
        ("i > 5 && n < 3.0 || b", True),
        ("!b || i > 5", True),
        ("!(b && i > 5)", False),
        ("b ? i : j", 7),
        ("!b ? 1 : i > 5 ? 2 : 3", 2),
        ("s in ['NC_11', 'NC_12']", True),
        ("i in [1, 2.0, 7]", True),
        ("i + 1 in [8]", True),
        ("abs(j)", 2),
        ("min(i, j, n)", -2),
        ("max(n, 1)", 2.5),
        ("round(n)", 3),
        ("round(-n)", -3),
        ("floor(n) + ceil(n)", 5),
        ("sqrt(i + 2)", 3.0),
        ("pow(n, 2)", 6.25),
        ("size(s)", 5),
        ("s.startsWith('NC') && endsWith(s, '2') && s.contains('_')", True),
        ("int(s.startsWith('x') ? '1' : '12')", 12),
        ("double('1.5') + n", 4.0),
        ("s + '/' + s", "NC_12/NC_12"),
        (r"s == 'NC\u005f12'", True),
        ('s == "NC_12"', True),
        ("b == true", True),
    ],
)
def test_meaning(text: str, expected: Any) -> None:
    found = result(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("i / j > 1.0", {"j": 0}),
        ("i % j", {"j": 0}),
        ("n / (n - n) > 1.0", {}),
        ("n * n > 1.0", {"n": 1e308}),
        ("1.0 / (n * n) < 1.0", {"n": 1e308}),
        ("min(n * n, 1.0)", {"n": 1e308}),
        ("i * i", {"i": 2**63}),
        ("sqrt(n)", {"n": -1.0}),
        ("pow(n, 4000)", {"n": 10.0}),
        ("int(s)", {"s": "twelve"}),
        ("int(s)", {"s": "9" * 5000}),
        ("double(s)", {"s": "nan"}),
        ("s + s", {"s": "x" * 4000}),
        ("n > 1.0", {"n": None}),
        ("b || n > 1.0", {"n": None}),
    ],
)
def test_what_cannot_be_had_is_no_value(text: str, values: dict[str, Any]) -> None:
    assert result(text, **values) is None


def test_what_is_not_needed_is_not_computed() -> None:
    assert result("j == 0 || i / j > 1.0", j=0) is True
    assert result("j != 0 && i / j > 1.0", j=0) is False
    assert result("j == 0 ? 0.0 : i / j", j=0) == 0.0


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("power > 5", 1, "there is no field power; there are b, i, j, n, s, t"),
        ("stat == 's'", 1, "there is no field stat"),
        ("b && nn > 1", 6, "there is no field nn; is n meant?"),
        ("i = 5", 3, "write =="),
        ("b & b", 3, "write && for and"),
        ("i > ", 5, "expected before the end"),
        ("(i > 5", 7, "')' is missing before the end"),
        ("i > 5)", 6, "does not continue the expression"),
        ("i 5", 3, "is an operator missing?"),
        ("i.name", 3, "there are no attributes"),
        ("i[0]", 2, "does not continue"),
        ("null == i", 1, "there is no null"),
        ("i in 5", 6, "in takes a list"),
        ("i in []", 3, "the list is empty"),
        ("i in ['a']", 7, "the list holds a String"),
        ("s > 5", 3, "double() and int() make numbers of text"),
        ("1 < i < 5", 7, "write a < b && b < c"),
        ("i && b", 3, "both sides must be Booleans"),
        ("n % 2", 3, "both sides must be Integers"),
        ("!i", 1, "! takes a Boolean, not an Integer"),
        ("-s", 1, "- takes a number, not a String"),
        ("i ? 1 : 2", 3, "it must be a Boolean"),
        ("b ? 1 : 's'", 3, "give both one type"),
        ("sum(i)", 1, "there is no function sum"),
        ("startswith(s, 'a')", 1, "is startsWith meant?"),
        ("abs()", 1, "abs takes 1 arguments, not 0"),
        ("abs(s)", 5, "abs takes a number here, not a String"),
        ("i / 0", 5, "a division by zero never has a value"),
        ("t > '2026'", 1, "t is a Timestamp"),
        ("1 < 2", 1, "no field is named"),
        ("s == 'abc", 6, "no closing '"),
        (r"s == '\q'", 7, r"\q is no escape"),
        (r"s == '\ud800'", 6, "half a surrogate pair"),
        ("i > 99999999999999999999", 5, "an Integer ends at 2^64 - 1"),
        ("n > 1e999", 5, "a Number ends"),
        ("i @ 5", 3, "has no meaning here"),
        ("", 1, "expected before the end"),
        ("__import__('os')", 1, "there is no function __import__"),
        ("s.__class__", 3, "there are no attributes"),
    ],
)
def test_a_refusal_names_the_position_and_the_cure(text: str, position: int, words: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(words)) as refusal:
        compile_expression(text, FIELDS)
    assert refusal.value.position == position
    assert str(refusal.value).startswith(f"position {position}: ")


def test_the_wanted_type_is_held() -> None:
    assert compile_expression("i + 1", FIELDS, "Number").type == "Number"
    with pytest.raises(ExpressionError, match="the whole gives Integer, and Boolean is needed"):
        compile_expression("i + 1", FIELDS, "Boolean")


HOSTILE = {
    "too long": "b || " * 300 + "b",
    "parentheses": "(" * 400 + "i" + ")" * 400,
    "a chain": "i" + "+i" * 400,
    "nots": "!" * 1000 + "b",
    "minuses": "-" * 1000 + "i",
    "choices": "b ? 1 : " * 100 + "i",
    "calls": "abs(" * 200 + "i" + ")" * 200,
    "methods": "s" + ".startsWith('a')" * 60,
    "a list": "i in [" + "1," * 400 + "1]",
    "many parts": "(" + ") || (".join(["i+i+i+i > j+j+j"] * 40) + ")",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_built_to_hurt_is_refused_at_once(name: str) -> None:
    began = time.monotonic()
    with pytest.raises(ExpressionError, match=r"split|longer|nested|more than|no attributes|never|does not take|takes"):
        compile_expression(HOSTILE[name], FIELDS)
    assert time.monotonic() - began < 0.5


def test_the_deepest_expression_that_is_allowed_compiles() -> None:
    text = "i"
    for level in range(30):
        text = f"max({text}+i-j,n)" if level % 2 else f"abs({text}+i*j)"
    assert len(text) <= LONGEST_TEXT
    assert result(text) is not None
    widest = " || ".join(["(i+j > n && b)"] * 25)
    assert widest.count("i") * 9 < MOST_NODES
    assert result(widest) is True


TEXTS = st.text(alphabet="nijsbt0123456789.+-*/%<>=!&|?:,()[]' \"\\abcminxroudsqtpw", max_size=60)
PIECES = st.lists(
    st.sampled_from(["n", "i", "j", "s", "b", "1", "2.5", "'x'", "(", ")", "+", "-", "*", "/", "%", "<", "==", "&&", "||", "!",
                     "?", ":", "in", "[", "]", ",", "abs(", "min(", "int(", "size(", ".contains("]),
    max_size=24,
).map(" ".join)  # fmt: skip
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**64 - 1)


@given(TEXTS | PIECES, NUMBERS, INTEGERS, INTEGERS, st.text(max_size=20), st.booleans())
def test_any_text_is_refused_in_words_or_gives_a_value_of_its_type(
    text: str, n: float, i: int, j: int, s: str, b: bool
) -> None:
    try:
        expression = compile_expression(text, FIELDS)
    except ExpressionError:
        return
    found = expression.over({"n": n, "i": i, "j": j, "s": s, "b": b})
    types = {"Boolean": bool, "Integer": int, "Number": (int, float), "String": str}
    assert found is None or isinstance(found, types[expression.type])
    assert isinstance(found, bool) is (expression.type == "Boolean" and found is not None)


OPERANDS = st.sampled_from(["n", "i", "j", "2", "0.5"])


def grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arithmetic = st.tuples(parts, st.sampled_from("+-*/"), parts).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
    function = st.tuples(st.sampled_from(["min", "max"]), parts, parts).map(lambda p: f"{p[0]}({p[1]}, {p[2]})")
    return arithmetic | function | parts.map(lambda p: f"-{p}")


@given(st.recursive(OPERANDS, grown, max_leaves=12), NUMBERS, st.integers(-99, 99), st.integers(-99, 99))
def test_arithmetic_is_pythons_where_it_has_a_value(text: str, n: float, i: int, j: int) -> None:
    try:
        expression = compile_expression(text, FIELDS)
    except ExpressionError:
        return
    found = expression.over({"n": n, "i": i, "j": j})
    if found is not None:
        assert found == eval(text, {"__builtins__": {}, "min": min, "max": max}, {"n": n, "i": i, "j": j})  # noqa: S307
