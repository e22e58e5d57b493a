"""Who is asked when, what counts as news, and the fence before each write."""

from typing import Any

import pytest

from plantwright_api.v1alpha1.base import Condition
from plantwright_api.wire.status import Condition as Said
from plantwright_api.wire.status import GatewayStatus, MachineStatus, SinkStatus
from plantwright_operator.cluster.election import Fence
from plantwright_operator.model import Key, PodFacts
from plantwright_operator.reconcile.announcements import FEW, QUIET_SECONDS, Announcements
from plantwright_operator.reconcile.observed import Observed
from plantwright_operator.reconcile.reports import HURRY_SECONDS, Reports

MACHINE = Key("Machine", "n", "m")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def pod(uid: str = "u", ip: str = "10.0.0.1", deleting: bool = False, farewell: str = "") -> PodFacts:
    return PodFacts(name="p", uid=uid, ip=ip, ready=True, deleting=deleting, revision="", farewell=farewell)


def status(config: str = "c", sequence: int = 1, reason: str = "SessionUp", backlog: int = 0) -> GatewayStatus:
    machine = MachineStatus(
        uid="g",
        name="m",
        epoch="e",
        sequence=sequence,
        conditions=[Said(type="Connected", status="True", reason=reason)],
        sinks=[SinkStatus(name="s", watermark=0, backlog=backlog)],
    )
    return GatewayStatus(version="1", config_hash=config, started_time="t", machines=[machine])


def questions(reports: Reports, clock: Clock, seconds: float) -> int:
    asked, end = 0, clock.now + seconds
    while clock.now < end:
        asked += len(reports.due())
        clock.now += 0.1
    return asked


def test_a_new_pod_is_asked_often_and_a_settled_one_seldom() -> None:
    clock = Clock()
    reports = Reports(10.0, clock)
    reports.pod_seen(MACHINE, pod())
    assert 80 <= questions(reports, clock, HURRY_SECONDS - 1) <= 125
    clock.now += 20
    assert 8 <= questions(reports, clock, 100) <= 13


def test_a_pod_without_an_address_is_not_asked() -> None:
    clock = Clock()
    reports = Reports(10.0, clock)
    reports.pod_seen(MACHINE, pod(ip=""))
    assert questions(reports, clock, 30) == 0


def test_counts_are_no_news_and_conditions_are() -> None:
    reports = Reports(10.0, Clock())
    reports.pod_seen(MACHINE, pod())
    assert reports.answered(MACHINE, "u", status())
    assert not reports.answered(MACHINE, "u", status(sequence=99, backlog=7))
    assert reports.answered(MACHINE, "u", status(reason="Unreachable"))
    assert reports.answered(MACHINE, "u", status("d", reason="Unreachable"))
    assert reports.backlog() == {MACHINE: 0}


def test_an_answer_of_a_former_pod_is_not_taken() -> None:
    reports = Reports(10.0, Clock())
    reports.pod_seen(MACHINE, pod("new"))
    assert not reports.answered(MACHINE, "old", status())
    assert reports.report(MACHINE).status is None


def test_silence_is_told_once_after_thirty_seconds_and_its_end_too() -> None:
    clock = Clock()
    reports = Reports(10.0, clock)
    reports.pod_seen(MACHINE, pod())
    reports.answered(MACHINE, "u", status())
    clock.now += 29
    assert not reports.unanswered(MACHINE)
    clock.now += 2
    assert reports.unanswered(MACHINE)
    assert not reports.unanswered(MACHINE)
    assert reports.report(MACHINE).silent_seconds == 31
    assert reports.answered(MACHINE, "u", status()), "the same words after a silence are news"


def test_last_words_are_those_of_the_last_pod() -> None:
    reports = Reports(10.0, Clock())
    reports.pod_seen(MACHINE, pod("first", deleting=True, farewell="0"))
    reports.pod_seen(MACHINE, None)
    assert reports.last_words(MACHINE)[0] == "0"
    reports.pod_seen(MACHINE, pod("second"))
    assert reports.last_words(MACHINE) == ("", []), "what the first said is void once a second has run"
    reports.answered(MACHINE, "second", status(sequence=1))
    assert reports.last_words(MACHINE)[1] == [], "an answer counts only of a pod that ends"
    reports.pod_seen(MACHINE, pod("second", deleting=True))
    for sequence in (2, 3, 4):
        reports.answered(MACHINE, "second", status(sequence=sequence))
    assert [s.machines[0].sequence for s in reports.last_words(MACHINE)[1]] == [3, 4]


def condition(status_: Any, reason: str, type_: str = "Connected") -> Condition:
    return Condition(type=type_, status=status_, last_transition_time="t", reason=reason, message="m")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def announcements(clock: Clock) -> Announcements:
    return Announcements(Observed(), None, "pod", clock)  # type: ignore[arg-type]


def lose(announcements: Announcements, *names: str) -> None:
    for name in names:
        announcements.transition(Key("Machine", "n", name), "u", "p", condition("False", "Unreachable"), "True")


def test_a_few_are_told_one_by_one(announcements: Announcements) -> None:
    lose(announcements, "a", "b")
    told = announcements.gathered()
    assert [(e["reason"], e["type"], e["regarding"]["kind"]) for e in told] == [
        ("ConnectionLost", "Warning", "Machine")
    ] * 2
    assert told[0]["note"] == "Unreachable: m"
    assert announcements.gathered() == []


def test_many_are_one_event_on_their_plant(announcements: Announcements) -> None:
    lose(announcements, *(f"m{n}" for n in range(FEW + 1)))
    (told,) = announcements.gathered()
    assert (told["regarding"]["kind"], told["regarding"]["name"]) == ("Plant", "p")
    assert told["note"].startswith("6 machines, among them m0, m1")


def test_the_same_news_of_a_machine_is_not_repeated(announcements: Announcements, clock: Clock) -> None:
    lose(announcements, "a")
    lose(announcements, "a")
    assert len(announcements.gathered()) == 1
    clock.now += QUIET_SECONDS + 1
    lose(announcements, "a")
    assert len(announcements.gathered()) == 1


@pytest.mark.parametrize(
    ("found", "before"),
    [
        (condition("False", "Progressing", "Ready"), "True"),
        (condition("Unknown", "GatewayNotReady"), "True"),
        (condition("Unknown", "GatewaySilent"), None),
        (condition("False", "Suspended", "Ready"), "True"),
        (condition("True", "Flowing", "DataFresh"), "False"),
    ],
)
def test_what_is_on_its_way_is_no_news(announcements: Announcements, found: Condition, before: str | None) -> None:
    announcements.transition(MACHINE, "u", "p", found, before)
    assert announcements.gathered() == []


class Ended(BaseException):
    pass


def end(why: str) -> None:
    raise Ended(why)


def test_the_fence_lets_writes_pass_until_the_deadline_and_not_a_moment_longer() -> None:
    clock = Clock()
    fence = Fence(20.0, clock, end)
    with pytest.raises(Ended, match="without the Lease"):
        fence.check()
    fence.renewed(clock.now)
    clock.now += 20.0
    fence.check()
    clock.now += 0.1
    with pytest.raises(Ended, match="not renewed"):
        fence.check()


def test_a_renewal_counts_from_when_it_was_sent() -> None:
    clock = Clock()
    fence = Fence(20.0, clock, end)
    sent = clock.now
    clock.now += 15.0
    fence.renewed(sent)
    clock.now += 6.0
    with pytest.raises(Ended):
        fence.check()


def test_after_the_lease_was_given_back_nothing_may_be_written() -> None:
    fence = Fence(20.0, Clock(), end)
    fence.renewed(1000.0)
    fence.released()
    assert not fence.leading
    with pytest.raises(Ended):
        fence.check()
