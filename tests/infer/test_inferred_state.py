"""The state that is told from one analogue signal: what it learns, when it cannot tell, and what must not upset it."""

import math
import random
from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from plantwright_gateway.infer import REASONS, Model
from plantwright_gateway.infer.cycles import Cycles
from plantwright_gateway.infer.levels import Histogram, levels
from plantwright_gateway.infer.pauses import Pauses, Regular
from plantwright_shopfloor.loads import COMPRESSOR, LATHE, Reading, readings

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
HOUR = 3600.0


def shift(hours: float, seed: int = 5) -> list[Reading]:
    """A lathe from six in the morning on."""
    return [each for each in readings(LATHE, seed) if 6 * HOUR <= each.seconds < (6 + hours) * HOUR]


@pytest.fixture(scope="module")
def day() -> list[Reading]:
    return shift(14)


def told(model: Model, samples: list[Reading], gain: float = 1.0) -> list[tuple[str, str, str]]:
    """Per sample what is so, what was told, and the reason."""
    found = []
    for each in samples:
        now = model.observe(START + int(each.seconds * SECOND), each.value * gain)
        found.append((each.truth, now.word, now.reason))
    return found


def right(found: list[tuple[str, str, str]]) -> float:
    return sum(truth == word for truth, word, _ in found) / len(found)


def feed(model: Model, values: Iterator[float], start: float, step: float = 1.0) -> list[tuple[str, str]]:
    """A word and a reason per value."""
    found = []
    for place, value in enumerate(values):
        now = model.observe(START + int((start + place * step) * SECOND), value)
        found.append((now.word, now.reason))
    return found


def test_learns_without_labels_within_hours_and_whatever_the_unit(day: list[Reading]) -> None:
    for gain in (1.0, 1000.0, -0.37):
        found = told(Model(), day, gain)[int(3 * HOUR) :]
        wrong = [truth for truth, word, _ in found if word and word != truth]
        unknown = [reason for _, word, reason in found if not word]
        assert len(wrong) < 0.05 * len(found), gain
        assert len(unknown) < 1.5 * HOUR, "another product makes it doubt for less than an hour and a half"


def test_learning_is_said_until_it_is_done(day: list[Reading]) -> None:
    found = told(Model(), day[:600])
    assert {(word, reason) for _, word, reason in found} == {("", "Learning")}


def test_what_was_so_while_it_learnt_is_told_afterwards(day: list[Reading]) -> None:
    """By levels that are an hour old: here the light product's lightest step is still taken for rest."""
    model, past = Model(), list[tuple[float, str]]()
    for each in day:
        model.observe(START + int(each.seconds * SECOND), each.value)
        past += [((told.since_ns - START) / SECOND, told.word) for told in model.take_past()]
        if model.known:
            break
    learning = [each for each in day if each.seconds <= (model.now.since_ns - START) / SECOND]
    words = [next((word for since, word in reversed(past) if since <= each.seconds + 3), "") for each in learning]
    assert len(learning) > 1800
    assert right([(each.truth, word, "") for each, word in zip(learning, words, strict=True)]) > 0.8
    assert all(words)
    assert model.take_past() == []


def test_noise_of_a_machine_that_is_off_is_not_told_as_states_afterwards() -> None:
    """A meter with coarse steps flickers while the machine is off; the levels that this makes are none."""
    model, past = Model(), list[str]()
    for each in islice(readings(COMPRESSOR, 2102), 8000):
        model.observe(START + int(each.seconds * SECOND), each.value)
        past += [told.word for told in model.take_past() if (told.since_ns - START) / SECOND < 3.9 * HOUR]
    assert past == ["Off"]


@pytest.mark.parametrize(
    ("median", "spread", "regular"),
    [(18, 0.15, True), (45, 0.25, True), (110, 0.7, False), (45, 0.8, False)],
    ids=["part change", "part change by hand", "compressor", "stops"],
)
def test_pauses_are_of_the_cycle_where_their_lengths_keep_together(median: float, spread: float, regular: bool) -> None:
    chance, pauses = random.Random(1), Pauses()
    for _ in range(300):
        pauses.note(median * math.exp(spread * chance.gauss(0, 1)), 60.0)
    longest = pauses.of_cycle().longest
    assert bool(longest) == regular
    if regular:
        assert median * math.exp(3 * spread) < longest < median * math.exp(5 * spread)


def test_few_pauses_are_judged_more_carefully_than_many() -> None:
    longest = []
    for number in (8, 300):
        pauses = Pauses()
        for place in range(number):
            pauses.note(40.0 * (0.8, 1.0, 1.25)[place % 3], 60.0)
        longest.append(pauses.of_cycle().longest)
    assert longest[0] > 1.3 * longest[1] > 0


def test_pauses_that_come_in_heaps_are_not_of_the_cycle() -> None:
    even, heaps = Pauses(), Pauses()
    for place in range(60):
        even.note(30.0, 60.0)
        heaps.note(30.0, 5400.0 if place % 4 == 0 else 18.0)
    assert even.of_cycle().longest > 0
    assert heaps.of_cycle().longest == 0


def test_a_stop_is_told_from_the_time_at_which_it_began(day: list[Reading]) -> None:
    model = Model()
    told(model, day)
    end = 6 * HOUR + 14 * HOUR
    feed(model, (8.5 + 0.1 * (i % 3) for i in range(60)), end)
    before = feed(model, (1.0 + 0.01 * (i % 3) for i in range(14)), end + 60)
    feed(model, (1.0 + 0.01 * (i % 3) for i in range(4)), end + 74)
    assert {word for word, _ in before} == {"Producing"}
    assert model.now.word == "Idle"
    assert abs(model.now.since_ns - START - int((end + 60) * SECOND)) <= SECOND


def test_a_restart_goes_on(day: list[Reading]) -> None:
    whole, before = Model(), Model()
    told(whole, day)
    told(before, day[: len(day) // 2])
    after = Model(kept=before.dump())
    assert (after.now.word, after.now.reason) == ("", "NoData")
    found = told(after, day[len(day) // 2 :])
    assert right(found[60:]) > 0.97
    assert abs(after.cycles.count - whole.cycles.count) <= 2
    assert len(after.dump()) < 8000


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"top": -1}', b'{"seconds": [1.0]}', b'{"top": 1e999}', b"\xff"], ids=repr
)
def test_a_broken_dump_begins_anew(content: bytes) -> None:
    model = Model(kept=content)
    assert model.now.reason == "Learning"
    assert model.observe(START, 1.0).reason == "Learning"


@pytest.mark.row("C10")
def test_a_stuck_signal_is_not_told_as_work(day: list[Reading]) -> None:
    model = Model()
    told(model, day)
    found = feed(model, iter([8.5] * 1800), 20 * HOUR)
    assert found[300][0] == "Producing"
    assert found[-1] == ("", "Stuck")
    again = feed(model, (8.5 + 0.2 * (i % 7) for i in range(120)), 20 * HOUR + 1801)
    assert again[-1] == ("Producing", "")
    assert model.now.since_ns >= START + int((20 * HOUR + 1800) * SECOND), (
        "the stuck time is not called work afterwards"
    )


@pytest.mark.parametrize("shape", ["uniform", "normal", "two values"])
@pytest.mark.row("C11")
def test_pure_noise_is_never_told_as_a_state(shape: str) -> None:
    chance = random.Random(3)
    draw = {
        "uniform": lambda: chance.uniform(0, 20),
        "normal": lambda: chance.gauss(10, 2),
        "two values": lambda: chance.choice((0.0, 10.0)),
    }[shape]
    found = feed(Model(), (draw() for _ in range(40_000)), 0)
    assert {word for word, _ in found} == {""}
    assert found[-1][1] in ("Noise", "LevelsNotApart", "OneLevel", "Learning")


@pytest.mark.row("C11")
def test_noise_that_begins_later_is_noticed(day: list[Reading]) -> None:
    chance = random.Random(4)
    model = Model()
    told(model, day)
    found = feed(model, (chance.uniform(0, 4) for _ in range(3 * 3600)), 20 * HOUR)
    unknown = sum(not word for word, _ in found[3600:])
    assert unknown > 0.95 * len(found[3600:])
    assert found[-1][1] in ("Noise", "Drifted")


def test_one_level_is_not_called_a_state() -> None:
    chance = random.Random(6)
    found = feed(Model(), (5 + 0.05 * chance.gauss(0, 1) for _ in range(30_000)), 0, 3.0)
    assert {word for word, _ in found} == {""}
    steady = feed(Model(), iter([5.0] * 30_000), 0, 3.0)
    assert steady[-1] == ("", "OneLevel")


@pytest.mark.slow
@pytest.mark.parametrize("gain", [0.3, 0.5, 2.0, 3.0])
def test_another_gain_is_learnt_within_a_shift(gain: float) -> None:
    week = [each for each in readings(LATHE, 5) if 6 * HOUR <= each.seconds < 72 * HOUR]
    model = Model()
    before = [each for each in week if each.seconds < 30 * HOUR]
    after = [each for each in week if each.seconds >= 30 * HOUR]
    told(model, before)
    found = told(model, after, gain)
    assert right(found[int(8 * HOUR) :]) > 0.9


def test_late_repeated_and_missing_samples_change_nothing(day: list[Reading]) -> None:
    clean, mixed = Model(), Model()
    chance = random.Random(1)
    for each in day[: 5 * 3600]:
        at = START + int(each.seconds * SECOND)
        expected = clean.observe(at, each.value)
        found = mixed.observe(at, each.value)
        assert found == expected
        mixed.observe(at - chance.randrange(10 * SECOND), 50.0)
        mixed.observe(at, chance.choice((math.nan, math.inf, None, "text", True, 10**400, 1e305)))


def test_nothing_is_known_after_a_silence_until_samples_tell(day: list[Reading]) -> None:
    model = Model()
    told(model, day[: 4 * 3600])
    last = model.now
    assert last.word
    at = START + int((day[4 * 3600 - 1].seconds + 61) * SECOND)
    assert model.observe(at, math.nan).reason == "NoData"
    assert model.observe(at + 60 * SECOND, 8.0).word == ""
    found = [model.observe(at + (60 + i) * SECOND, 8.0 + 0.1 * (i % 4)) for i in range(1, 6)]
    assert found[-1].word == "Producing"
    assert found[-1].since_ns >= at


def test_a_clock_that_is_set_back_is_followed(day: list[Reading]) -> None:
    model = Model()
    told(model, day[: 4 * 3600])
    found = [model.observe(START + i * SECOND, 8.0 + 0.1 * (i % 4)) for i in range(60)]
    assert found[-1].word == "Producing"


def test_one_wild_value_does_not_spoil_the_scale(day: list[Reading]) -> None:
    model = Model()
    for place, each in enumerate(day):
        now = model.observe(START + int(each.seconds * SECOND), 1e9 if place % 5000 == 0 else each.value)
    assert now.word
    assert model.histogram.top <= 32


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, 1e300, -1e300, 3])
def test_any_number_is_taken(value: float) -> None:
    model = Model()
    for i in range(3000):
        model.observe(START + i * SECOND, value)
    assert model.now.word == ""
    Model(kept=model.dump())


def test_part_cycles_are_counted_and_timed(day: list[Reading]) -> None:
    """From when on they are told; each with the time at which the machine came to rest."""
    model, made, ended = Model(), 0, list[int]()
    for before, each in pairwise(day):
        made += (each.parts - before.parts) * model.tells_cycles
        model.observe(START + int(each.seconds * SECOND), each.value)
        ended += model.take_cycles()
    assert made > 300
    assert abs(model.cycles.count - made) <= 0.01 * made
    assert len(ended) == model.cycles.count
    assert sorted(ended) == ended
    assert model.cycles.seconds() == pytest.approx(42, rel=0.05)
    assert model.take_cycles() == []


CYCLE = Regular(4.0, 12.0, settled=True)


TIMED = "30 6 " * 20
"""Cycles of 36 s, enough to know how long they are: from the sixteenth on they count."""


def run(cycles: Cycles, spans: str, at: float = 0.0) -> list[float]:
    """Seconds of work and of pause in turn, such as "30 6 30 60"; the times, in s, at which what was counted had ended."""
    counted = []
    for place, seconds in enumerate(float(each) for each in spans.split()):
        if place % 2 == 0:
            cycles.work(seconds)
        elif sum(cycles.rest(round(at * SECOND), share * seconds, CYCLE) for share in (0.3, 0.7, 1.0)):
            counted.append(at)
        at += seconds
    return counted


@pytest.mark.parametrize(
    ("spans", "counted"),
    [
        ("30 6 30 6 30 6", [30, 66, 102]),
        ("30 6 15 2 15 6", [30, 68]),
        ("30 6 30 3600 30 6", [30, 66, 3696]),
        ("30 6 30 300 2 400 30 6", [30, 66, 798]),
        ("30 6 18 300 12 6 30 6", [30, 54, 402]),
    ],
    ids=["each", "a short pause", "before a stop", "a pump that starts", "cut in two"],
)
def test_what_is_a_cycle(spans: str, counted: list[float]) -> None:
    cycles = Cycles()
    assert run(cycles, TIMED)[0] == 15 * 36 + 30
    assert run(cycles, spans, 1000.0) == [1000.0 + each for each in counted]


def test_pauses_that_are_seen_no_more_are_told_and_not_guessed() -> None:
    cycles = Cycles()
    run(cycles, TIMED)
    assert run(cycles, "200 6 30 6", 1000.0) == []
    assert cycles.missing > 0
    assert len(run(cycles, "30 6 " * 10, 2000.0)) < 10
    assert cycles.missing == 0


def test_cycles_that_are_not_alike_are_not_told() -> None:
    """Every other end is overlooked now and then: what is counted would be too few."""
    cycles = Cycles()
    chance = random.Random(1)
    found = run(cycles, "".join(f"{30 if chance.random() < 0.6 else 66} 6 " for _ in range(200)))
    assert len(found) < 60
    assert not cycles.regular
    assert len(run(cycles, "30 6 " * 60, 50_000.0)) > 30
    assert Cycles(*cycles.kept()).regular


def test_cycles_have_no_length_over_a_stop_or_where_nothing_was_seen() -> None:
    cycles = Cycles()
    run(cycles, "30 6 30 6 30 3000 30 6 30 6")
    cycles.interrupt()
    run(cycles, "30 6", 20_000.0)
    assert cycles.seconds() == 36
    assert Cycles(*cycles.kept()).seconds() == 36


def test_cycles_are_not_told_while_longer_pauses_may_be_their_ends() -> None:
    """A tool change three times a cycle, a part change once: until it is clear that it is no stop, nothing is counted."""
    pauses, chance = Pauses(), random.Random(2)
    settled = []
    for place in range(160):
        pauses.note((24.0 if place % 4 == 3 else 7.0) * math.exp(0.1 * chance.gauss(0, 1)), 40.0)
        settled.append(pauses.of_cycle().settled)
    assert not any(settled[:60])
    assert settled[-1]
    assert 8 < pauses.of_cycle().shortest < 24


def test_stand_by_of_little_power_is_not_off() -> None:
    """Off at 0, stand-by at 2 % of work: only the lower is off. A meter whose steps make off flicker shows one level all the same."""
    histogram, flicker = Histogram(16.0), Histogram(16.0)
    peaks = [0.0] * len(histogram.seconds)
    for value, hours in ((0.0, 10.0), (0.22, 5.0), (11.0, 9.0)):
        for each in (histogram, flicker):
            each.seconds[each.bin(value)] += hours * HOUR
    stayed = list(histogram.seconds)
    found = levels(histogram, stayed, stayed)
    assert found is not None
    assert histogram.bin(0.0) < found.off <= histogram.bin(0.22)
    peaks[flicker.bin(0.22)], peaks[flicker.bin(11.0)] = 15.0 * HOUR, 9.0 * HOUR
    found = levels(flicker, peaks, peaks)
    assert found is not None
    assert flicker.bin(0.22) < found.off


def filled(spans: list[tuple[float, float, float]], top: float = 16.0) -> Histogram:
    """Hours spread evenly over the bins between two values."""
    made = Histogram(top)
    for low, high, hours in spans:
        bins = range(made.bin(low), made.bin(high) + 1)
        for place in bins:
            made.seconds[place] += hours * HOUR / len(bins)
    return made


def test_rest_below_a_cycle_that_runs_through_all_levels() -> None:
    """No valley between rest at 1.5 and work from 1.6 to 9, but no minute of work has its highest value below 6."""
    seconds = filled([(0.0, 0.0, 8.0), (1.45, 1.55, 2.0), (1.6, 9.0, 14.0)])
    steady = filled([(0.0, 0.0, 8.0), (1.5, 1.6, 2.0)]).seconds
    peaks = filled([(0.0, 0.0, 8.0), (1.5, 1.6, 2.0), (6.0, 9.5, 14.0)]).seconds
    found = levels(seconds, peaks, steady)
    assert found is not None
    assert seconds.bin(1.5) < found.down < found.up < seconds.bin(3.5)
    unsteady = levels(seconds, peaks, filled([(0.0, 0.0, 8.0)]).seconds)
    assert unsteady is not None
    assert unsteady.up < seconds.bin(1.45), (
        "a lesser product: its minutes are not steady, so nothing is taken out of work"
    )


def test_rest_that_alternates_between_two_heats_is_one_rest() -> None:
    """At rest 2 min at 4 and 1 min at 9 by turns, so that the lower is the highest of hardly any minute; stand-by below both."""
    seconds = filled([(2.5, 2.6, 3.0), (4.1, 4.3, 2.8), (9.0, 9.4, 1.3), (30.0, 40.0, 20.0)], top=64.0)
    peaks = filled([(2.5, 2.6, 3.0), (9.0, 9.4, 4.0), (34.0, 42.0, 20.0)], top=64.0)
    found = levels(seconds, peaks.seconds, [0.0] * len(peaks.seconds))
    assert found is not None
    assert seconds.bin(9.0) < found.up


def test_confidence_is_a_share_and_falls_while_a_pause_goes_on(day: list[Reading]) -> None:
    model = Model()
    told(model, day)
    feed(model, (8.5 + 0.1 * (i % 3) for i in range(60)), 20 * HOUR)
    at_work = model.now.confidence
    feed(model, (1.0 + 0.01 * (i % 3) for i in range(10)), 20 * HOUR + 60)
    assert 0 <= model.now.confidence < at_work <= 1


def test_every_reason_has_words() -> None:
    assert all(bool(words) == bool(reason) for reason, words in REASONS.items())


def test_the_loads_are_what_their_seed_says() -> None:
    first, again = (list(islice(readings(LATHE, 9), 1000)) for _ in range(2))
    assert first == again
    assert first != list(islice(readings(LATHE, 10), 1000))
