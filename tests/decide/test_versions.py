"""Ranges as references write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_operator.decide.versions import matches, parse, parse_range

part = st.integers(0, 12)
version = st.tuples(part, part, part)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.4.0", ["1.4.0"], ["1.4.1", "1.3.9"]),
        ("1.4", ["1.4.0", "1.4.9"], ["1.5.0"]),
        ("1", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.0"]),
        ("=1.4", ["1.4.2"], ["1.5.0"]),
        ("!=1.4", ["1.3.0", "1.5.0"], ["1.4.7"]),
        ("^1.2", ["1.2.0", "1.9.0"], ["1.1.9", "2.0.0"]),
        ("^0.2", ["0.2.0", "0.2.9"], ["0.3.0"]),
        ("^0.2.3", ["0.2.3"], ["0.2.2", "0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0", ["0.0.1", "0.9.0"], ["1.0.0"]),
        ("~1.2", ["1.2.9"], ["1.3.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.2.2", "1.3.0"]),
        ("~1", ["1.9.0"], ["2.0.0"]),
        (">1.2", ["1.3.0"], ["1.2.9"]),
        (">=1.2, <2", ["1.2.0", "1.99.0"], ["2.0.0", "1.1.0"]),
        (">=1.2 <2", ["1.5.0"], ["2.0.0"]),
        ("<=1.2", ["1.2.9"], ["1.3.0"]),
    ],
)
def test_range(text: str, inside: list[str], outside: list[str]) -> None:
    wanted = parse_range(text)
    assert [v for v in inside if not matches(parse(v), wanted)] == []
    assert [v for v in outside if matches(parse(v), wanted)] == []


@given(version, version)
def test_comparators_agree_with_order(low: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    text = ".".join(map(str, low))
    assert matches(other, parse_range(f">={text}")) == (other >= low)
    assert matches(other, parse_range(f"<{text}")) == (other < low)
    assert matches(other, parse_range(f">{text}")) == (other > low)
    assert matches(other, parse_range(f"<={text}")) == (other <= low)
    assert matches(other, parse_range(text)) == (other == low)


@given(version)
def test_a_caret_takes_what_semver_calls_compatible(base: tuple[int, int, int]) -> None:
    wanted = parse_range("^" + ".".join(map(str, base)))
    major, minor, patch = base
    assert matches(base, wanted)
    assert not matches((major + 1, 0, 0), wanted)
    assert matches((major, minor + 1, 0), wanted) == (major > 0)
    assert matches((major, minor, patch + 1), wanted) == (major > 0 or minor > 0)


def test_no_comparator_is_an_error() -> None:
    with pytest.raises(ValueError, match="version range"):
        parse_range("latest")
