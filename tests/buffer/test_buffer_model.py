"""The store against a list: whatever is done in whatever order, over closing and reopening, they say the same."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from plantwright_gateway.buffer.database import open_database
from plantwright_gateway.buffer.records import Limits
from plantwright_gateway.buffer.store import Store
from plantwright_gateway.context.events import Row

SINKS = ("a", "b")


def no_gap(*_: Any, **__: Any) -> Row:
    raise AssertionError("nothing is lost, so no gap is due")


class BufferModel(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.rows: list[tuple[int, bytes]] = []
        self.next_seq = 1
        self.marks = dict.fromkeys(SINKS, 0)
        self.state: dict[str, bytes] = {}
        self.open()
        self.done(lambda store: store.set_sinks(SINKS))
        self.epoch = self.store.epoch

    def open(self) -> None:
        self.connection = open_database(self.folder / "m.db", "uid", Limits(2**24), 0).connection
        self.store = Store(self.connection, Limits(2**24), no_gap, lambda: 1)

    def done(self, run: Any) -> None:
        self.store.begin()
        run(self.store)
        self.store.commit()

    @rule(bodies=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5))
    def put(self, bodies: list[bytes]) -> None:
        rows = [Row("observation", "c", body, 1, 1, 1, True) for body in bodies]
        self.done(lambda store: store.append(rows, [], {"kpi": bodies[0]}))
        for body in bodies:
            self.rows.append((self.next_seq, body))
            self.next_seq += 1
        self.state["kpi"] = bodies[0]

    @rule(bodies=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5))
    def put_and_roll_back(self, bodies: list[bytes]) -> None:
        self.store.begin()
        self.store.append([Row("observation", "c", body, 1, 1, 1, True) for body in bodies], [], {"kpi": b"never"})
        self.store.rollback()

    @rule(sink=st.sampled_from(SINKS), share=st.floats(0, 1))
    def acknowledge(self, sink: str, share: float) -> None:
        low, high = self.marks[sink], self.next_seq - 1
        mark = low + int((high - low) * share)
        self.done(lambda store: store.acknowledge(sink, mark, [], commissions=False))
        self.marks[sink] = mark
        self.rows = [(seq, body) for seq, body in self.rows if seq > min(self.marks.values())]

    @rule()
    def reopen(self) -> None:
        self.connection.close()
        self.open()

    @rule()
    def crash(self) -> None:
        """A copy of the files as they are is what a killed process leaves."""
        copy = Path(tempfile.mkdtemp())
        for part in self.folder.iterdir():
            shutil.copy(part, copy)
        self.connection.close()
        shutil.rmtree(self.folder)
        self.folder = copy
        self.open()

    @invariant()
    def they_say_the_same(self) -> None:
        if not hasattr(self, "store"):
            return
        for sink in SINKS:
            expected = [(seq, body) for seq, body in self.rows if seq > self.marks[sink]]
            assert [(row.seq, row.body) for row in self.store.page(sink, 10_000, 2**30).rows] == expected
        stats = self.store.stats()
        assert (stats.rows, stats.last_seq) == (len(self.rows), self.next_seq - 1)
        assert self.store.load_state() == self.state
        assert self.store.epoch == self.epoch

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
            shutil.rmtree(self.folder, ignore_errors=True)


TestBufferModel = BufferModel.TestCase
TestBufferModel.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBufferModel = pytest.mark.slow(TestBufferModel)
