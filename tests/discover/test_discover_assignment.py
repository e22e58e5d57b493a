"""The assignment is the best there is: held against trying them all."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from plantwright_cli.discover.assignment import assign

WEIGHTS = st.dictionaries(
    st.integers(0, 4), st.dictionaries(st.integers(0, 4), st.floats(0.01, 1), min_size=1, max_size=5), max_size=5
)


@settings(max_examples=150, deadline=None)
@given(WEIGHTS)
def test_no_other_assignment_is_better(weights: dict[int, dict[int, float]]) -> None:
    found = assign(weights)
    assert len(set(found.values())) == len(found)
    assert all(column in weights[row] for row, column in found.items())
    total = sum(weights[row][column] for row, column in found.items())
    assert total >= _best(weights) - 1e-9


def _best(weights: dict[int, dict[int, float]]) -> float:
    rows, columns = list(weights), list(range(5))
    ways = permutations(columns + [None] * len(rows), len(rows))
    return max(sum(weights[row].get(column, 0) for row, column in zip(rows, way, strict=True)) for way in set(ways))


def test_two_that_want_the_same() -> None:
    assert assign({0: {0: 0.9, 1: 0.8}, 1: {0: 0.85}}) == {0: 1, 1: 0}


def test_five_hundred_rows_stay_quick() -> None:
    weights = {row: {column % 520: 1 / (1 + column - row) for column in range(row, row + 8)} for row in range(500)}
    assert len(assign(weights)) == 500
