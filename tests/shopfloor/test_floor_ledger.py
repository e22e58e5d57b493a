"""The ledger keeps every number and what was made, over a restart too."""

from pathlib import Path

from plantwright_shopfloor.ledger import Counts, Ledger, Offer, read, read_counts


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledgers", "lathe-01")
    assert [ledger.offer(t) for t in (5, 6)] == [1, 2]
    ledger.close()
    again = Ledger(tmp_path / "ledgers", "lathe-01")
    assert again.offer(9) == 3
    again.flush()
    assert read(again.path.read_bytes().splitlines()) == {"lathe-01": [Offer(1, 5), Offer(2, 6), Offer(3, 9)]}
    again.close()


def test_a_torn_line_is_passed_over() -> None:
    assert read([b'{"machine":"m","n":1,"t":2}', b'{"machine":"m","n":']) == {"m": [Offer(1, 2)]}


def shown(path: Path) -> list[tuple[int, Counts]]:
    found = read_counts(path.read_bytes().splitlines()).get("lathe-01", [])
    return [(entry.number, entry.made) for entry in found]


def test_parts_are_counted_from_the_ledgers_begin_on_over_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "lathe-01", Counts(65480))
    ledger.offer(1, Counts(65480))
    ledger.offer(2, Counts(65537, 1))
    ledger.close()
    again = Ledger(tmp_path, "lathe-01", Counts(65480))
    again.offer(3, Counts(65481))
    again.offer(4, Counts(65481))
    again.close()
    assert shown(again.path) == [(1, (0, 0, 0)), (2, (57, 1, 0)), (3, (58, 1, 0)), (4, (58, 1, 0))]


def test_reworked_parts_are_counted_beside_the_others_over_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "lathe-01")
    ledger.offer(1, Counts(1))
    ledger.offer(2, Counts(3, 1, 2))
    ledger.close()
    again = Ledger(tmp_path, "lathe-01")
    again.offer(3, Counts(1, 0, 1))
    again.close()
    assert shown(again.path) == [(1, (1, 0, 0)), (2, (3, 1, 2)), (3, (4, 1, 3))]
    assert [Counts(*made).parts() for _, made in shown(again.path)] == [1, 4, 5]


def test_counters_in_an_answer_of_their_own_belong_to_the_number_before(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "lathe-01")
    ledger.offer(1)
    ledger.show(2, Counts(1))
    ledger.show(3, Counts(1))
    ledger.offer(4)
    ledger.show(5, Counts(1, 1))
    ledger.close()
    assert shown(ledger.path) == [(1, (1, 0, 0)), (2, (1, 1, 0))]
    assert len(ledger.path.read_bytes().splitlines()) == 4
    assert read(ledger.path.read_bytes().splitlines()) == {"lathe-01": [Offer(1, 1), Offer(2, 4)]}


def test_a_ledger_without_counts_tells_nothing_of_parts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "lathe-01")
    ledger.offer(1)
    ledger.close()
    assert shown(ledger.path) == []
