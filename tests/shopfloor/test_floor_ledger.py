"""The ledger keeps every number, over a restart too."""

from pathlib import Path

from plantwright_shopfloor.ledger import Ledger, Offer, read


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
