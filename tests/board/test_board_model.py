"""Machines to lines to plant: ratios as sums over sums, serial lines by their roles, what is lost is not known."""

import msgspec
import pytest

from plantwright_api.wire.board import MachineRow
from plantwright_api.wire.live import Live
from plantwright_board.model.board import Board, Changes
from plantwright_board.model.figures import Elements, elements, figures, line, total
from plantwright_board.model.rows import Sighting, machine_row, progress
from plantwright_board.model.site import Line, Roles, Site

NOON = "2026-11-23T12:00:00Z"
LINE = Line("machining", "line-1")


def live(name: str = "m-1", **more: object) -> Live:
    base = Live(plant="p", area="machining", line="line-1", machine=name, time=NOON, state="Production", connected=True)
    return msgspec.structs.replace(base, **more)


def told(name: str = "m-1", **more: object) -> Live:
    """Half of an hour produced, 90 of 100 parts good, 15 s planned per part."""
    figures_ = {"planned_busy": 3000.0, "production": 1800.0, "all_production": 1800.0, "planned_production": 1500.0}
    return live(name, **{**figures_, "good": 90, "rejected": 10, "planned": 3600.0, "known_planned": 3000.0, **more})


# -- ratios ------------------------------------------------------------------------------------------------------------


def test_a_machines_ratios_by_hand() -> None:
    found = figures(elements(told()))
    assert found.availability == pytest.approx(0.6)
    assert found.effectiveness == pytest.approx(1500 / 1800)
    assert found.quality == pytest.approx(0.9)
    assert found.oee == pytest.approx(0.6 * 1500 / 1800 * 0.9)
    assert found.coverage == pytest.approx(3000 / 3600)


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param({"planned_busy": 0.0, "production": 0.0}, id="no-planned-time"),
        pytest.param({"good": 0, "rejected": 0}, id="no-parts"),
        pytest.param({"planned_production": None}, id="no-planned-run-time"),
        pytest.param({"all_production": 0.0}, id="never-produced"),
    ],
)
def test_what_is_not_known_is_none_and_never_zero(missing: dict[str, object]) -> None:
    assert figures(elements(told(**missing))).oee is None


def test_a_figure_that_is_zero_is_zero() -> None:
    assert figures(elements(told(good=0, rejected=100))).oee == 0.0


def test_a_parallel_line_is_sums_over_sums_and_no_mean() -> None:
    big = elements(told(planned_busy=9000.0, production=9000.0))
    small = elements(told(planned_busy=1000.0, production=0.0))
    found = figures(line({"a": big, "b": small}, Roles()))
    assert found.availability == pytest.approx(0.9)


def test_machines_without_a_planned_run_time_do_not_enter_effectiveness() -> None:
    rated, unrated = elements(told()), elements(told(planned_production=None, all_production=9999.0))
    assert figures(total([rated, unrated])).effectiveness == pytest.approx(1500 / 1800)
    assert figures(total([unrated])).effectiveness is None


def test_a_serial_line_takes_time_from_its_bottleneck_and_parts_from_its_exit() -> None:
    roles = Roles("Serial", "slow", "last")
    slow = elements(
        told(planned_busy=1000.0, production=800.0, all_production=800.0, planned_production=700.0, good=70, rejected=0)
    )
    last = elements(told(good=50, rejected=10, planned_production=1.0))
    other = elements(told(planned_busy=99999.0))
    found = figures(line({"slow": slow, "last": last, "other": other}, roles))
    assert found.availability == pytest.approx(0.8)
    assert found.effectiveness == pytest.approx(700 / 70 * 60 / 800)
    assert found.quality == pytest.approx(50 / 60)


def test_a_bottleneck_that_counts_nothing_leaves_the_planned_run_time_to_the_exit() -> None:
    slow, last = elements(told(good=0, rejected=0, planned_production=0.0)), elements(told(planned_production=900.0))
    assert line({"slow": slow, "last": last}, Roles("Serial", "slow", "last")).planned_production == 900.0


def test_a_serial_line_without_its_bottleneck_has_no_oee() -> None:
    assert figures(line({"last": elements(told())}, Roles("Serial", "slow", "last"))).oee is None


def test_nothing_adds_up_to_nothing() -> None:
    assert total([]) == Elements()
    assert figures(Elements()) == (None, None, None, None, None)


@pytest.mark.parametrize(
    ("wanted", "made", "expected"),
    [(200.0, 50, 0.25), (200.0, 300, 1.5), (200.0, None, None), (None, 50, None), (0.0, 5, None), (-1.0, 5, None)],
)
def test_progress(wanted: float | None, made: int | None, expected: float | None) -> None:
    assert progress(live(wanted=wanted, job_good=made)) == expected


def test_cycles_of_a_load_are_shown_while_it_shows_any() -> None:
    row = machine_row("m-1", Sighting(LINE, live(cycles=12, cycle_seconds=42.04), heard=True))
    assert (row.cycles, row.cycle_seconds) == (12, 42.0)
    row = machine_row("m-1", Sighting(LINE, live(cycles=12), heard=True))
    assert (row.cycles, row.cycle_seconds) == (None, None), "cannot be told now, so the number stands still"


# -- the board ---------------------------------------------------------------------------------------------------------


def board(site: Site | None = None) -> Board:
    made = Board(site or Site("p"))
    made.look()
    return made


def row(changes: Changes, name: str) -> MachineRow:
    return next(each for each in changes.machines if each.machine == name)


def test_a_machine_that_is_lost_is_no_data_since_and_out_of_its_lines_sums() -> None:
    made = board()
    made.hear("gw-1", told("m-1", good=90, rejected=10))
    made.hear("gw-2", told("m-2", good=0, rejected=100))
    made.look()
    made.lose("gw-2", NOON)
    changes = made.look()
    assert not changes.whole
    [lost] = changes.machines
    assert (lost.machine, lost.state, lost.since, lost.oee, lost.coverage) == ("m-2", "NoData", NOON, None, None)
    [of_line] = changes.lines
    assert (of_line.machines, of_line.heard, of_line.quality) == (2, 1, 0.9)
    assert changes.plant
    assert changes.plant.states == {"NoData": 1, "Production": 1}


def test_a_machine_that_was_never_heard_is_no_data_and_not_stopped() -> None:
    made = board()
    made.place({"m-1": LINE})
    never = row(made.look(), "m-1")
    assert (never.state, never.since, never.area) == ("NoData", "", "machining")
    assert "nothing has been heard" in never.trouble


def test_what_comes_back_is_as_it_says() -> None:
    made = board()
    made.hear("gw-1", told())
    made.lose("gw-1", NOON)
    made.hear("gw-1", told(state="Delay", reason="jam"))
    assert row(made.look(), "m-1").state == "Delay"


def test_an_old_gateway_that_ends_takes_nothing_from_the_new_one() -> None:
    made = board()
    made.hear("old", told())
    made.hear("new", told())
    made.lose("old", NOON)
    assert row(made.look(), "m-1").state == "Production"


def test_what_looks_the_same_is_not_told_again() -> None:
    made = board()
    made.hear("gw-1", told())
    made.look()
    made.hear("gw-1", told(planned=3600.1, time="2026-11-23T12:00:01Z"))
    assert made.look() == Changes(False, None, [], [])


def test_a_machine_that_is_removed_goes_once_its_gateway_is_silent() -> None:
    made = board()
    made.place({"m-1": LINE, "m-2": LINE})
    made.hear("gw-1", told("m-1"))
    made.look()
    made.place({"m-2": LINE})
    assert {each.machine for each in made.look().machines} <= {"m-1"}
    made.lose("gw-1", NOON)
    changes = made.look()
    assert changes.whole
    assert [each.machine for each in changes.machines] == ["m-2"]
    made.place({})
    assert made.look() == Changes(True, changes.plant and msgspec.structs.replace(changes.plant, states={}), [], [])


def test_a_machine_that_moves_changes_both_lines() -> None:
    made = board()
    made.hear("gw-1", told("m-1"))
    made.hear("gw-2", told("m-2"))
    made.look()
    made.hear("gw-2", told("m-2", line="line-2"))
    changes = made.look()
    assert [(each.line, each.machines) for each in changes.lines] == [("line-1", 1), ("line-2", 1)]
    made.hear("gw-2", told("m-2"))
    changes = made.look()
    assert changes.whole
    assert [(each.line, each.machines) for each in changes.lines] == [("line-1", 2)]


def test_lines_come_in_the_order_of_the_plant() -> None:
    site = Site("p", lines={Line("b", "2"): Roles(), Line("b", "1"): Roles(), Line("a", "9"): Roles()})
    made = board(site)
    for number, place in enumerate([Line("a", "0"), Line("a", "9"), Line("b", "1"), Line("b", "2")]):
        made.hear(f"gw-{number}", told(f"m-{number}", area=place.area, line=place.line))
    assert [(each.area, each.line) for each in made.look().lines] == [("b", "2"), ("b", "1"), ("a", "9"), ("a", "0")]


def test_a_change_of_the_plant_is_told_whole_and_stirs() -> None:
    stirred: list[int] = []
    made = Board(Site("p"), lambda: stirred.append(1))
    made.describe(Site("p"))
    assert stirred == []
    made.hear("gw-1", told("m-1"))
    made.look()
    made.describe(Site("p", lines={LINE: Roles("Serial", "m-1", "m-1")}))
    assert len(stirred) == 2
    changes = made.look()
    assert changes.whole
    assert changes.lines[0].flow == "Serial"


def test_names_of_people_are_not_shown() -> None:
    made = board()
    made.hear("gw-1", told(person="p-4711"))
    assert b"p-4711" not in msgspec.json.encode(made.look())


def test_texts_of_any_length_are_shown_short() -> None:
    made = board()
    made.hear("gw-1", told(reason="x" * 10_000))
    assert len(row(made.look(), "m-1").reason) == 200


def test_a_state_that_was_inferred_says_so() -> None:
    made = board()
    made.hear("gw-1", told(inferred=True, confidence=0.876))
    found = row(made.look(), "m-1")
    assert (found.inferred, found.confidence) == (True, 0.88)


def test_a_row_of_a_sighting_without_words() -> None:
    from plantwright_board.model.rows import Sighting

    assert machine_row("m-1", Sighting(LINE)).state == "NoData"
