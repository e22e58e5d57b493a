"""May a change go out now; when is a pod touched; what becomes of a claim."""

from collections.abc import Iterable

import pytest

from plantwright_api.v1alpha1.plant import Rollout
from plantwright_api.wire.status import GatewayStatus, MachineStatus, SinkStatus
from plantwright_operator.decide import buffers, reload, rollout
from plantwright_operator.decide.reload import Touched
from plantwright_operator.model import PodFacts, Report

NEW, RELOAD, RESTART, BOTH, SAME = (
    ("", "", "c1", "t1"),
    ("c0", "t1", "c1", "t1"),
    ("c1", "t0", "c1", "t1"),
    ("c0", "t0", "c1", "t1"),
    ("c1", "t1", "c1", "t1"),
)


def change(hashes: tuple[str, str, str, str], approved: str = "", rolling: bool = False) -> rollout.Change:
    live_config, live_template, config, template = hashes
    return rollout.Change("m", live_config, live_template, config, template, "r1", approved, rolling)


@pytest.mark.parametrize(
    ("case", "mode", "others", "waits_for"),
    [
        (change(NEW), "Manual", 99, None),
        (change(SAME), "Manual", 99, None),
        (change(RELOAD), "Automatic", 99, None),
        (change(RELOAD), "Manual", 0, "WaitingForApproval"),
        (change(RELOAD, approved="r0"), "Manual", 0, "WaitingForApproval"),
        (change(RELOAD, approved="r1"), "Manual", 99, None),
        (change(RESTART), "Automatic", 1, None),
        (change(RESTART), "Automatic", 2, "WaitingForSlot"),
        (change(BOTH, approved="r1"), "Manual", 2, "WaitingForSlot"),
        (change(RESTART, rolling=True), "Automatic", 2, None),
    ],
)
def test_gate(case: rollout.Change, mode: str, others: int, waits_for: str | None) -> None:
    found = rollout.judge(case, Rollout.model_validate({"mode": mode, "maxConcurrent": 2}), others)
    assert (found.reason if found else None) == waits_for
    if waits_for == "WaitingForApproval" and found:
        assert "kubectl annotate --overwrite machine m plantwright.io/approve-revision=r1" in found.message
        assert found.stalled
    if waits_for == "WaitingForSlot" and found:
        assert not found.stalled


def pod(ready: bool = True, deleting: bool = False) -> PodFacts:
    return PodFacts(name="p-0", uid="u", ip="10.0.0.1", ready=ready, deleting=deleting, revision="r")


def answer(config: str, error: str = "", uid: str = "u") -> Report:
    status = GatewayStatus(version="1", config_hash=config, started_time="", machines=[], config_error=error)
    return Report(status, uid, 0.0)


@pytest.mark.parametrize(
    ("facts", "report", "touched", "wanted"),
    [
        pytest.param(pod(), answer("old"), Touched(), True, id="runs another configuration"),
        pytest.param(pod(), answer("new"), Touched(), False, id="runs this one"),
        pytest.param(pod(ready=False), answer("old"), Touched(), False, id="starts"),
        pytest.param(pod(deleting=True), answer("old"), Touched(), False, id="ends"),
        pytest.param(None, answer("old"), Touched(), False, id="no pod"),
        pytest.param(pod(), answer("old", uid="former"), Touched(), False, id="an answer of the former pod"),
        pytest.param(pod(), Report(None, "", 5.0), Touched(), False, id="no answer yet"),
        pytest.param(pod(), answer("old", "bad"), Touched("new", 1), True, id="the error may be an older one's"),
        pytest.param(pod(), answer("old", "bad"), Touched("new", 3), False, id="it has read and refused it"),
    ],
)
def test_touch_is_wanted(facts: PodFacts | None, report: Report, touched: Touched, wanted: bool) -> None:
    assert reload.is_wanted(facts, report, "new", touched) is wanted


def test_touches_come_at_once_and_then_ever_less_often() -> None:
    assert reload.wait(Touched("old", 9, 100.0), "new", 100.0) == 0.0
    waits = [reload.wait(Touched("new", count, 100.0), "new", 100.0) for count in range(1, 9)]
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert reload.wait(Touched("new", 1, 100.0), "new", 103.0) < 0


def status(sequence: int, *backlogs: int) -> GatewayStatus:
    sinks = [SinkStatus(name=f"s{i}", watermark=0, backlog=b) for i, b in enumerate(backlogs)]
    machine = MachineStatus(uid="u", name="m", epoch="e", sequence=sequence, conditions=[], sinks=sinks)
    return GatewayStatus(version="1", config_hash="", started_time="", machines=[machine])


def remains(
    on_delete: str = "RetainUntilDrained",
    bound: bool = True,
    pod_exists: bool = False,
    farewell: str = "",
    reports: Iterable[GatewayStatus] = (),
) -> buffers.Remains:
    return buffers.Remains(on_delete, bound, pod_exists, farewell, tuple(reports))


@pytest.mark.parametrize(
    ("case", "fate"),
    [
        pytest.param(remains(), "Keep", id="nobody said anything"),
        pytest.param(remains(on_delete="Discard"), "Remove", id="discard"),
        pytest.param(remains(on_delete=""), "Keep", id="annotation lost"),
        pytest.param(remains(bound=False), "Remove", id="never bound, so never written"),
        pytest.param(remains(pod_exists=True, farewell='{"backlog":0}'), "Wait", id="the pod still ends"),
        pytest.param(remains(farewell='{"backlog":0}'), "Remove", id="drained, says the gateway"),
        pytest.param(remains(farewell='{"backlog":3}'), "Keep", id="not drained, says the gateway"),
        pytest.param(
            remains(farewell='{"backlog":3}', reports=[status(5, 0), status(5, 0)]), "Keep", id="the last word counts"
        ),
        pytest.param(remains(farewell="Killed"), "Keep", id="a message that is none of ours"),
        pytest.param(remains(farewell='{"backlog":false}'), "Keep", id="false is not 0"),
        pytest.param(remains(farewell='{"backlog":"0"}'), "Keep", id="nor is a string"),
        pytest.param(remains(farewell="[0]"), "Keep", id="nor is a list"),
        pytest.param(remains(farewell="[" * 4096), "Keep", id="nested without end"),
        pytest.param(remains(reports=[status(5, 0)]), "Keep", id="one answer may be followed by another value"),
        pytest.param(remains(reports=[status(5, 0), status(5, 0)]), "Remove", id="two equal answers without backlog"),
        pytest.param(remains(reports=[status(5, 0), status(6, 0)]), "Keep", id="something came in between"),
        pytest.param(remains(reports=[status(5, 0, 1), status(5, 0, 1)]), "Keep", id="one sink lags"),
    ],
)
def test_fate_of_a_claim(case: buffers.Remains, fate: str) -> None:
    assert buffers.fate(case) == fate
