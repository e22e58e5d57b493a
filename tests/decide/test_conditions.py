"""Conditions of a machine: by what is known, and what each transition looks like."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_api.v1alpha1.machine import MachineStatus
from plantwright_api.v1alpha1.reasons import CONDITION_NAMES, REASON_NAMES
from plantwright_api.wire import status as wire
from plantwright_operator.decide import conditions, machine_status
from plantwright_operator.decide.conditions import Observed
from plantwright_operator.decide.machines import judge
from plantwright_operator.model import PodFacts, Refusal, Report, Resolved, Workload

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
POD = PodFacts(name="gw-press-1-0", uid="pod-uid", ip="10.0.0.1", ready=True, deleting=False, revision="r1")
RUNNING = Workload(exists=True, settled=True, template_hash="t1", update_revision="r1", pod=POD)
GOOD: dict[wire.GatewayCondition, tuple[wire.Tri, str]] = {
    "Connected": ("True", "SessionUp"),
    "DataFresh": ("True", "Flowing"),
    "ContractMet": ("True", "AllFieldsValid"),
    "Buffered": ("True", "RoomLeft"),
    "Durable": ("True", "PersistentVolumeClaim"),
}


@pytest.fixture
def resolved(raw: Callable[..., dict[str, Any]]) -> Resolved:
    found = judge(
        Machine.model_validate(raw("Machine")),
        Plant.model_validate(raw("Plant")),
        [MachineProfile.model_validate(raw("MachineProfile"))],
        [DataContract.model_validate(raw("DataContract"))],
    )
    assert isinstance(found, Resolved)
    return found


def report(
    config: str = "c1", stored: str | None = NOW, silent: float = 0.0, **changed: tuple[wire.Tri, str]
) -> Report:
    said = {**GOOD, **changed}
    found = [wire.Condition(type=t, status=s, reason=r) for t, (s, r) in said.items()]  # type: ignore[arg-type]
    machine = wire.MachineStatus(
        uid="gateway-uid", name="press-1", epoch="e", sequence=1, conditions=found, sinks=[], first_stored_time=stored
    )
    status = wire.GatewayStatus(version="1", config_hash=config, started_time=NOW, machines=[machine])
    return Report(status, "pod-uid", silent)


def observed(resolved: Resolved | None, **fields: Any) -> Observed:
    base: dict[str, Any] = {
        "generation": 3,
        "previous": MachineStatus(),
        "resolved": resolved,
        "config_hash": "c1",
        "template_hash": "t1",
        "workload": RUNNING,
        "report": report(),
    }
    return Observed(**{**base, **fields})


def flat(found: MachineStatus) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in found.conditions}


UNHEARD = Report(None, "", 1.0)


@pytest.mark.parametrize(
    ("fields", "ready", "transient"),
    [
        pytest.param({}, ("True", "InForce"), None, id="in force"),
        pytest.param(
            {"workload": Workload(), "report": UNHEARD}, ("False", "Progressing"), "Reconciling", id="nothing there"
        ),
        pytest.param({"report": report("c0")}, ("False", "Progressing"), "Reconciling", id="former configuration"),
        pytest.param({"report": UNHEARD}, ("False", "Progressing"), "Reconciling", id="never heard"),
        pytest.param(
            {"workload": replace(RUNNING, settled=False)}, ("False", "Progressing"), "Reconciling", id="pod is replaced"
        ),
        pytest.param(
            {"workload": replace(RUNNING, template_hash="t0")},
            ("False", "Progressing"),
            "Reconciling",
            id="old template",
        ),
        pytest.param(
            {"workload": replace(RUNNING, uid="s2", pod=replace(POD, controller="s1"))},
            ("False", "Progressing"),
            "Reconciling",
            id="the pod of a former StatefulSet",
        ),
        pytest.param(
            {"workload": replace(RUNNING, pod=replace(POD, ready=False, unscheduled="no node"))},
            ("False", "PodNotScheduled"),
            "Reconciling",
            id="no room",
        ),
        pytest.param(
            {"workload": replace(RUNNING, pod=replace(POD, ready=False, waiting_reason="ImagePullBackOff"))},
            ("False", "ImagePullFailed"),
            "Reconciling",
            id="image",
        ),
        pytest.param(
            {"workload": replace(RUNNING, pod=replace(POD, ready=False, waiting_reason="CrashLoopBackOff"))},
            ("False", "GatewayCrashing"),
            "Reconciling",
            id="crash",
        ),
        pytest.param({"failure": "no"}, ("False", "ApplyFailed"), "Reconciling", id="apply failed"),
        pytest.param(
            {"refusal": Refusal("PlantNotFound", "m", stalled=False)},
            ("False", "PlantNotFound"),
            None,
            id="may still come",
        ),
        pytest.param({"refusal": Refusal("UnitMismatch", "m")}, ("False", "UnitMismatch"), "Stalled", id="refused"),
        pytest.param(
            {"wait": Refusal("WaitingForApproval", "m")}, ("False", "WaitingForApproval"), "Stalled", id="manual"
        ),
        pytest.param(
            {"wait": Refusal("WaitingForSlot", "m", stalled=False)},
            ("False", "WaitingForSlot"),
            "Reconciling",
            id="slot",
        ),
        pytest.param({"suspended": True}, ("Unknown", "Suspended"), None, id="suspended before it ever was ready"),
    ],
)
def test_ready(resolved: Resolved, fields: dict[str, Any], ready: tuple[str, str], transient: str | None) -> None:
    found = flat(machine_status.compose(observed(resolved, **fields), NOW))
    assert found["Ready"] == ready
    assert [t for t in ("Reconciling", "Stalled") if t in found] == ([transient] if transient else [])
    assert set(found) <= CONDITION_NAMES
    assert {reason for _, reason in found.values()} <= REASON_NAMES


def test_a_refused_configuration_is_stalled(resolved: Resolved) -> None:
    said = report("c0")
    assert said.status is not None
    bad = wire.GatewayStatus(
        **{**{f: getattr(said.status, f) for f in said.status.__struct_fields__}, "config_error": "at $.x"}
    )
    found = flat(machine_status.compose(observed(resolved, report=replace(said, status=bad)), NOW))
    assert found["Ready"] == ("False", "InvalidSpec")
    assert "Stalled" in found


def test_a_machine_switched_off_for_the_night_stays_ready(resolved: Resolved) -> None:
    off = report(Connected=("False", "Unreachable"), DataFresh=("False", "NotConnected"))
    found = machine_status.compose(observed(resolved, report=off), NOW)
    assert flat(found)["Ready"] == ("True", "InForce")
    assert found.problem == "Unreachable"


def test_without_a_session_nothing_is_fresh_whatever_was_noticed_first(resolved: Resolved) -> None:
    found = flat(machine_status.compose(observed(resolved, report=report(Connected=("False", "Timeout"))), NOW))
    assert found["DataFresh"] == ("False", "NotConnected")


def test_a_silent_gateway_makes_its_conditions_unknown_and_nothing_else(resolved: Resolved) -> None:
    before = machine_status.compose(observed(resolved), NOW)
    short = machine_status.compose(observed(resolved, previous=before, report=report(silent=29.0)), LATER)
    assert short.conditions == before.conditions
    silent = machine_status.compose(observed(resolved, previous=before, report=report(silent=31.0)), LATER)
    found = flat(silent)
    assert {found[t] for t in conditions.FROM_GATEWAY} == {("Unknown", "GatewaySilent")}
    assert found["Ready"] == ("True", "InForce")
    assert found["Commissioned"] == ("True", "FirstValueStored")
    assert silent.problem is not None
    assert silent.problem.startswith("GatewaySilent")


def test_the_schedule_is_told_of_where_there_is_one(resolved: Resolved) -> None:
    assert "ScheduleCurrent" not in flat(machine_status.compose(observed(resolved), NOW))
    told = report(ScheduleCurrent=("False", "ScheduleUnavailable"))
    with_orders = machine_status.compose(observed(resolved, report=told), NOW)
    assert flat(with_orders)["ScheduleCurrent"] == ("False", "ScheduleUnavailable")
    assert with_orders.problem == "ScheduleUnavailable"
    silent = machine_status.compose(observed(resolved, previous=with_orders, report=report(silent=31.0)), LATER)
    assert flat(silent)["ScheduleCurrent"] == ("Unknown", "GatewaySilent")
    without = machine_status.compose(observed(resolved, previous=with_orders, report=report()), LATER)
    assert "ScheduleCurrent" not in flat(without)


def test_an_operator_that_just_started_knows_what_was_written(resolved: Resolved) -> None:
    before = machine_status.compose(observed(resolved), NOW)
    after = machine_status.compose(observed(resolved, previous=before, report=UNHEARD), LATER)
    assert machine_status.differences(before, after) == {}


def test_commissioned_is_sticky(resolved: Resolved) -> None:
    before = machine_status.compose(observed(resolved), NOW)
    after = machine_status.compose(observed(resolved, previous=before, report=report(stored=None)), LATER)
    assert flat(after)["Commissioned"] == ("True", "FirstValueStored")
    assert after.first_stored_time == NOW


def test_times_move_only_with_the_status(resolved: Resolved) -> None:
    before = machine_status.compose(observed(resolved), NOW)
    other_reason = machine_status.compose(
        observed(resolved, previous=before, report=report(Buffered=("True", "MesUnreachable"))), LATER
    )
    assert {c.last_transition_time for c in other_reason.conditions} == {NOW}
    flipped = machine_status.compose(
        observed(resolved, previous=before, report=report(Buffered=("False", "Full"))), LATER
    )
    moved = {c.type for c in flipped.conditions if c.last_transition_time == LATER}
    assert moved == {"Buffered"}


def test_suspending_keeps_ready_as_it_was(resolved: Resolved) -> None:
    before = machine_status.compose(observed(resolved), NOW)
    after = flat(machine_status.compose(observed(resolved, previous=before, suspended=True), LATER))
    assert after["Ready"] == ("True", "Suspended")


@pytest.mark.parametrize(
    ("protocol", "mode", "secure"),
    [
        ("ModbusTCP", "SignAndEncrypt", ("False", "ProtocolHasNone")),
        ("OPCUA", "SignAndEncrypt", ("True", "SignAndEncrypt")),
        ("OPCUA", "Sign", ("False", "SignOnly")),
        ("OPCUA", "None", ("False", "InsecureAllowed")),
    ],
)
def test_secure(resolved: Resolved, protocol: str, mode: str, secure: tuple[str, str]) -> None:
    machine = resolved.machine
    security = machine.spec.endpoint.security.model_copy(update={"mode": mode})
    endpoint = machine.spec.endpoint.model_copy(update={"security": security})
    changed = machine.model_copy(update={"spec": machine.spec.model_copy(update={"endpoint": endpoint})})
    where = replace(resolved.endpoint, protocol=protocol)  # type: ignore[arg-type]
    found = machine_status.compose(observed(replace(resolved, machine=changed, endpoint=where)), NOW)
    assert flat(found)["Secure"] == secure


def ending(use: str, secret: str, soon: bool) -> wire.Certificate:
    end = "2026-01-09T00:00:00Z"
    return wire.Certificate(
        use=use, subject="CN=lathe", sha256="", sha1="", end_time=end, secret=secret, ends_soon=soon
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "status", "reason"),
    [("SignAndEncrypt", "True", "CertificateEndsSoon"), ("Sign", "False", "SignOnly")],
)
def test_a_certificate_that_ends_soon_is_named(resolved: Resolved, mode: str, status: str, reason: str) -> None:
    machine = resolved.machine
    security = machine.spec.endpoint.security.model_copy(update={"mode": mode})
    endpoint = machine.spec.endpoint.model_copy(update={"security": security})
    changed = machine.model_copy(update={"spec": machine.spec.model_copy(update={"endpoint": endpoint})})
    of_opcua = replace(resolved, machine=changed, endpoint=replace(resolved.endpoint, protocol="OPCUA"))
    base = report()
    assert base.status is not None
    certificates = [ending("Client", "gateway", True), ending("Server", "", True), ending("User", "who", False)]
    said = msgspec.structs.replace(base.status.machines[0], certificates=certificates)
    heard = replace(base, status=msgspec.structs.replace(base.status, machines=[said]))
    first = machine_status.compose(observed(of_opcua, report=heard), NOW)
    found = next(each for each in first.conditions if each.type == "Secure")
    assert (found.status, found.reason) == (status, reason)
    assert "the gateway's certificate in Secret gateway ends at 2026-01-09T00:00:00Z" in found.message
    assert "the machine's certificate CN=lathe" in found.message
    assert "who" not in found.message
    silent = machine_status.compose(observed(of_opcua, previous=first, report=None), LATER)
    assert next(each for each in silent.conditions if each.type == "Secure") == found


def test_the_worst_problem_is_named_first(resolved: Resolved) -> None:
    both = report(Connected=("False", "Timeout"), Buffered=("False", "Full"))
    assert machine_status.compose(observed(resolved, report=both), NOW).problem == "Timeout"
    full = report(Buffered=("False", "Full"))
    assert machine_status.compose(observed(resolved, report=full), NOW).problem == "Full"
    refused = observed(resolved, refusal=Refusal("UnitMismatch", "signals[x].unit: mend it"), report=both)
    assert machine_status.compose(refused, NOW).problem == "UnitMismatch: signals[x].unit: mend it"
    assert machine_status.compose(observed(resolved), NOW).problem is None


class TestWhenAStatusIsWritten:
    """`differences` names what differs and for how long it must have lasted."""

    def lasting(self, resolved: Resolved, before: dict[str, Any], after: dict[str, Any]) -> float | None:
        first = machine_status.compose(observed(resolved, **before), NOW)
        second = machine_status.compose(observed(resolved, previous=first, **after), LATER)
        pending = machine_status.differences(first, second)
        return machine_status.due_in(pending, dict.fromkeys(pending, 0.0), 0.0)

    def test_the_first_goes_out_at_once(self, resolved: Resolved) -> None:
        found = machine_status.differences(MachineStatus(), machine_status.compose(observed(resolved), NOW))
        assert found == {"new": 0.0}

    def test_nothing_new_is_not_written(self, resolved: Resolved) -> None:
        assert self.lasting(resolved, {}, {}) is None

    def test_ready_waits_for_the_first_value(self, resolved: Resolved) -> None:
        starting = {"workload": Workload(), "report": UNHEARD}
        waiting = {"report": report(stored=None, Connected=("Unknown", "Connecting"), DataFresh=("False", "NoData"))}
        assert self.lasting(resolved, starting, waiting) == machine_status.FIRST_VALUE
        assert self.lasting(resolved, starting, {}) == 0.0

    def test_what_began_to_differ_earlier_does_not_hasten_ready(self, resolved: Resolved) -> None:
        first = machine_status.compose(observed(resolved, workload=Workload(), report=UNHEARD), NOW)
        unready = replace(RUNNING, pod=replace(POD, ready=False))
        answers = machine_status.compose(observed(resolved, previous=first, workload=unready, report=report()), NOW)
        earlier = machine_status.differences(first, answers)
        waits = machine_status.compose(observed(resolved, previous=first, report=report(stored=None)), NOW)
        pending = machine_status.differences(first, waits)
        since = {name: 0.0 if name in earlier else 7.0 for name in pending}
        assert machine_status.due_in(pending, since, 7.0) == machine_status.FIRST_VALUE

    def test_a_machine_that_is_off_does_not_keep_ready_waiting(self, resolved: Resolved) -> None:
        starting = {"workload": Workload(), "report": UNHEARD}
        off = {"report": report(stored=None, Connected=("False", "Unreachable"), DataFresh=("False", "NotConnected"))}
        assert self.lasting(resolved, starting, off) == 0.0

    def test_while_a_gateway_starts_everything_waits_for_ready(self, resolved: Resolved) -> None:
        starting = {"workload": Workload(), "report": UNHEARD}
        answers = {"workload": replace(RUNNING, pod=replace(POD, ready=False)), "report": report()}
        assert self.lasting(resolved, starting, answers) == machine_status.STARTING

    def test_a_pod_that_waits_for_its_claim_is_no_news_for_a_while(self, resolved: Resolved) -> None:
        starting = {"workload": Workload(), "report": UNHEARD}
        unbound = replace(RUNNING, pod=replace(POD, ready=False, unscheduled="unbound claim"))
        found = self.lasting(resolved, starting, {"workload": unbound, "report": UNHEARD})
        assert found == machine_status.NOT_SCHEDULED
        broken = replace(RUNNING, pod=replace(POD, ready=False, waiting_reason="ErrImagePull"))
        found = self.lasting(resolved, starting, {"workload": broken, "report": UNHEARD})
        assert found == machine_status.READY_REASON

    def test_a_reload_shows_though_ready_never_left_true(self, resolved: Resolved) -> None:
        reloaded = {"config_hash": "c2", "report": report("c2")}
        assert self.lasting(resolved, {}, reloaded) == machine_status.SETTLE

    def test_a_lost_session_goes_out_at_once(self, resolved: Resolved) -> None:
        assert self.lasting(resolved, {}, {"report": report(Connected=("False", "Timeout"))}) == 0.0

    def test_a_session_that_is_back_waits_for_fresh_data(self, resolved: Resolved) -> None:
        lost = {"report": report(Connected=("False", "Timeout"), DataFresh=("False", "NotConnected"))}
        back = {"report": report(DataFresh=("False", "NoData"))}
        assert self.lasting(resolved, lost, back) == machine_status.SETTLE
        assert self.lasting(resolved, lost, {}) == 0.0

    def test_a_mere_reason_must_last(self, resolved: Resolved) -> None:
        lost = {"report": report(Connected=("False", "Timeout"))}
        other = {"report": report(Connected=("False", "Unreachable"))}
        assert self.lasting(resolved, lost, other) == machine_status.OTHER_REASON

    def test_a_spec_that_is_refused_goes_out_at_once(self, resolved: Resolved) -> None:
        assert self.lasting(resolved, {}, {"generation": 4, "refusal": Refusal("UnitMismatch", "m")}) == 0.0

    def test_a_new_generation_in_force_within_the_pause_is_one_write(self, resolved: Resolved) -> None:
        first = machine_status.compose(observed(resolved), NOW)
        changing = observed(resolved, previous=first, generation=4, config_hash="c2")
        second = machine_status.compose(changing, NOW)
        pending = machine_status.differences(first, second)
        assert machine_status.due_in(pending, dict.fromkeys(pending, 0.0), 1.0) == machine_status.SETTLE - 1.0
        done = machine_status.compose(replace(changing, report=report("c2")), NOW)
        assert (
            machine_status.due_in(
                machine_status.differences(first, done),
                dict.fromkeys(machine_status.differences(first, done), 0.0),
                5.0,
            )
            == 0.0
        )

    def test_what_comes_and_goes_starts_anew(self) -> None:
        assert machine_status.due_in({}, {}, 9.0) is None
        assert machine_status.due_in({"a": 5.0, "b": 120.0}, {"a": 7.0, "b": 1.0}, 9.0) == 3.0
