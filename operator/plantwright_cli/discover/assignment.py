"""One-to-one assignment of the greatest total weight. Pure.

The method is Kuhn's and Munkres' with potentials, in the order of Jonker and Volgenant: O(rows^2 x columns). Rows that
share no column with others are solved apart, so that a contract of five hundred fields stays quick.
"""

from collections.abc import Mapping
from typing import Final

Weights = Mapping[int, Mapping[int, float]]
"""Row -> column -> weight above 0; a pair that is left out is never assigned."""

INFINITE: Final = float("inf")


def assign(weights: Weights) -> dict[int, int]:
    """Row -> column so that no column is used twice and the sum of weights is greatest; some rows may stay without."""
    found: dict[int, int] = {}
    for rows in _components(weights):
        found |= _solve({row: weights[row] for row in rows})
    return found


def _components(weights: Weights) -> list[list[int]]:
    """Rows that compete for columns, together; in a fixed order."""
    owner: dict[int, int] = {}
    parent = {row: row for row in weights}

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for row, columns in weights.items():
        for column in columns:
            parent[root(row)] = root(owner.setdefault(column, row))
    groups: dict[int, list[int]] = {}
    for row in weights:
        groups.setdefault(root(row), []).append(row)
    return list(groups.values())


def _solve(weights: Weights) -> dict[int, int]:
    """One component. Each row gets a column of its own with weight 0 besides, so that it may stay without."""
    rows = list(weights)
    columns = sorted({column for row in rows for column in weights[row]})
    place = {column: at + 1 for at, column in enumerate(columns)}
    width = len(columns) + len(rows)
    costs = [[INFINITE] * (width + 1) for _ in range(len(rows) + 1)]
    for at, row in enumerate(rows, 1):
        for column, weight in weights[row].items():
            costs[at][place[column]] = -weight
        costs[at][len(columns) + at] = 0.0
    taken = _hungarian(costs, len(rows), width)
    return {
        rows[row - 1]: columns[column - 1] for column, row in enumerate(taken) if row and 1 <= column <= len(columns)
    }


def _hungarian(costs: list[list[float]], rows: int, width: int) -> list[int]:
    """For each column the row that has it (0: none), at least cost. Rows and columns count from 1."""
    row_potential, column_potential = [0.0] * (rows + 1), [0.0] * (width + 1)
    taken = [0] * (width + 1)
    for row in range(1, rows + 1):
        taken[0] = row
        came_from = _augment(costs, row_potential, column_potential, taken)
        column = came_from.pop(-1)
        while column:
            taken[column] = taken[came_from[column]]
            column = came_from[column]
    return taken


def _augment(
    costs: list[list[float]], row_potential: list[float], column_potential: list[float], taken: list[int]
) -> dict[int, int]:
    """The cheapest way from the row at column 0 to a free column: column -> the one before it; -1 -> the free one."""
    width = len(column_potential)
    least, came_from, used = [INFINITE] * width, dict[int, int](), {0}
    at = 0
    while taken[at]:
        row, step, next_column = taken[at], INFINITE, 0
        for column in range(1, width):
            if column in used:
                continue
            cost = costs[row][column] - row_potential[row] - column_potential[column]
            if cost < least[column]:
                least[column], came_from[column] = cost, at
            if least[column] < step:
                step, next_column = least[column], column
        for column in range(width):
            if column in used:
                row_potential[taken[column]] += step
                column_potential[column] -= step
            else:
                least[column] -= step
        at = next_column
        used.add(at)
    came_from[-1] = at
    return came_from
