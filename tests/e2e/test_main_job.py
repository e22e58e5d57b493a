"""The main job on a real cluster. The tests run in the order in which a plant would see them."""

import json
import os
import signal
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from plantwright_demo.kubectl import Object, condition, is_true
from plantwright_demo.progress import wait_for
from plantwright_demo.stage import FLOOR, MES, OPERATOR_NAMESPACE, PLANT_NAMESPACE, PROMETHEUS, Stage
from plantwright_demo.summary import judgements, summarise

pytestmark = pytest.mark.e2e

MACHINES = "machines.plantwright.io"
GATEWAY = "app.kubernetes.io/name=plantwright-gateway"


def say(text: str) -> None:
    print(f"      {text}", flush=True)


def machine(stage: Stage, name: str) -> Object:
    return stage.kubectl.get(MACHINES, PLANT_NAMESPACE, name)


def wait_condition(stage: Stage, name: str, type_: str, status: str, seconds: float, reason: str = "") -> Object:
    def missing() -> str:
        found = condition(machine(stage, name), type_)
        fits = found["status"] == status and reason in ("", found["reason"])
        return "" if fits else f"{type_}={found['status']} {found['reason']}: {found['message']}"

    wait_for(name, missing, say, seconds)
    return condition(machine(stage, name), type_)


def restarts(stage: Stage) -> dict[str, tuple[str, int]]:
    """Per gateway pod its uid and how often its container began anew."""
    pods = stage.kubectl.items("pods", PLANT_NAMESPACE, GATEWAY)
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            sum(status["restartCount"] for status in pod["status"].get("containerStatuses", ())),
        )
        for pod in pods
    }


def operator_writes(stage: Stage, since: float = 0.0) -> Counter[str]:
    """Writes of the operator by verb and resource, Lease and events apart, from the audit log."""
    counts: Counter[str] = Counter()
    assert stage.cluster
    for line in stage.cluster.audit_log.read_text().splitlines():
        entry = json.loads(line)
        target = entry.get("objectRef", {})
        if not entry["user"]["username"].startswith(f"system:serviceaccount:{OPERATOR_NAMESPACE}:"):
            continue
        if target.get("resource") in ("leases", "events") or seconds(entry["requestReceivedTimestamp"]) < since:
            continue
        resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
        counts[f"{entry['verb']} {resource} {target.get('name', '')}"] += 1
    return counts


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def apply_machine(stage: Stage, name: str, **spec: Any) -> None:
    body = {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "Machine",
        "metadata": {"name": name, "namespace": PLANT_NAMESPACE},
        "spec": {
            "plantRef": {"name": "stuttgart"},
            "profileRef": {"name": "cnc-lathe"},
            "location": {"area": "machining", "line": "line-1"},
            **spec,
        },
    }
    stage.kubectl.apply_text(json.dumps(body))


def test_every_machine_is_in_force_and_delivers(stage: Stage) -> None:
    machines = stage.kubectl.items(MACHINES)
    assert len(machines) >= 6
    for found in machines:
        for type_ in ("Ready", "Commissioned", "Connected", "DataFresh", "Buffered", "Durable"):
            assert is_true(found, type_), (found["metadata"]["name"], type_, condition(found, type_))


def test_kubectl_get_answers_at_a_glance(stage: Stage) -> None:
    table = stage.kubectl.run("get", "machines", "-n", PLANT_NAMESPACE)
    assert table.splitlines()[0].split() == ["NAME", "READY", "CONNECTED", "FRESH", "SINCE", "PROBLEM", "AGE"]
    print(table)


def test_a_new_machine_costs_each_child_once_and_two_status_writes(stage: Stage) -> None:
    writes = operator_writes(stage)
    for name in ("lathe-01", "cell-01"):
        mine = {key: count for key, count in writes.items() if key.split()[-1].endswith(name)}
        say(f"{name}: {mine}")
        status = sum(count for key, count in mine.items() if "machines/status" in key)
        children = {key: count for key, count in mine.items() if "machines/status" not in key}
        assert status <= 2
        assert set(children.values()) == {1}


def test_nothing_is_written_at_rest_or_for_an_irrelevant_label(stage: Stage) -> None:
    time.sleep(3)
    since = time.time()
    stage.kubectl.run("label", "machine", "-n", PLANT_NAMESPACE, "lathe-01", "colour=blue")
    time.sleep(12)
    assert operator_writes(stage, since) == Counter()


def test_a_child_changed_by_hand_is_repaired(stage: Stage) -> None:
    policies = stage.kubectl.items("networkpolicies", PLANT_NAMESPACE, f"{GATEWAY},plantwright.io/machine=lathe-01")
    name = policies[0]["metadata"]["name"]
    stage.kubectl.run("delete", "networkpolicy", "-n", PLANT_NAMESPACE, name)

    def missing() -> str:
        found = {policy["metadata"]["name"] for policy in stage.kubectl.items("networkpolicies", PLANT_NAMESPACE)}
        return "" if name in found else f"no NetworkPolicy {name}"

    wait_for("repair", missing, say, 20)


@pytest.mark.parametrize(
    ("name", "spec", "reason", "word"),
    [
        pytest.param(
            "no-profile",
            {"profileRef": {"name": "missing"}, "endpoint": {"url": "modbus+tcp://lathe-03.shopfloor.svc:502"}},
            "ProfileNotFound",
            "profileRef",
            id="unknown-profile",
        ),
        pytest.param(
            "wrong-scheme",
            {"endpoint": {"url": "opc.tcp://cell-01.shopfloor.svc:4840"}},
            "ProtocolMismatch",
            "endpoint.url",
            id="wrong-protocol",
        ),
        pytest.param(
            "no-line",
            {
                "location": {"area": "nowhere", "line": "x"},
                "endpoint": {"url": "modbus+tcp://lathe-03.shopfloor.svc:502"},
            },
            "LocationNotFound",
            "location",
            id="unknown-line",
        ),
    ],
)
def test_what_cannot_be_used_says_which_field_and_what_cures_it(
    stage: Stage, name: str, spec: dict[str, Any], reason: str, word: str
) -> None:
    apply_machine(stage, name, **spec)
    found = wait_condition(stage, name, "Ready", "False", 20, reason)
    assert word in found["message"]
    assert stage.kubectl.run("get", "machine", "-n", PLANT_NAMESPACE, name).count(reason)
    stage.kubectl.run("delete", "machine", "-n", PLANT_NAMESPACE, name)


def test_an_unreachable_machine_is_ready_and_not_connected(stage: Stage) -> None:
    apply_machine(stage, "unplugged", endpoint={"url": "modbus+tcp://shopfloor.shopfloor.svc:8081"})
    wait_condition(stage, "unplugged", "Ready", "True", 60)
    found = wait_condition(stage, "unplugged", "Connected", "False", 60)
    assert "endpoint.url" in found["message"]
    stage.kubectl.run("delete", "machine", "-n", PLANT_NAMESPACE, "unplugged")


def test_a_wrong_register_stops_only_itself(stage: Stage) -> None:
    apply_machine(
        stage,
        "half-right",
        endpoint={"url": "modbus+tcp://lathe-03.shopfloor.svc:502"},
        signalOverrides=[{"name": "alarm", "modbus": {"address": 60000}}],
    )
    wait_condition(stage, "half-right", "Commissioned", "True", 60)
    found = wait_condition(stage, "half-right", "ContractMet", "False", 60, "SignalUnreadable")
    assert "alarm" in found["message"]
    assert "60000" in found["message"]
    stage.kubectl.run("delete", "machine", "-n", PLANT_NAMESPACE, "half-right")


def test_a_removed_machine_leaves_nothing(stage: Stage) -> None:
    def missing() -> str:
        left = [
            f"{kind}/{item['metadata']['name']}"
            for kind in ("statefulsets", "configmaps", "networkpolicies", "pods", "persistentvolumeclaims")
            for item in stage.kubectl.items(kind, PLANT_NAMESPACE, GATEWAY)
            if item["metadata"]["labels"].get("plantwright.io/machine") in ("half-right", "unplugged", "no-profile")
        ]
        return f"still there: {', '.join(left)}" if left else ""

    wait_for("removal", missing, say, 90)


def test_a_draft_change_is_in_force_within_seconds_and_restarts_nothing(stage: Stage) -> None:
    profile = stage.kubectl.get("machineprofiles.plantwright.io", PLANT_NAMESPACE, "cnc-lathe-1.0.0")
    draft = {
        "apiVersion": profile["apiVersion"],
        "kind": "MachineProfile",
        "metadata": {"name": "draft-lathe", "namespace": PLANT_NAMESPACE},
        "spec": {**profile["spec"], "name": "draft-lathe", "version": "0.1.0", "lifecycle": "Draft"},
    }
    stage.kubectl.apply_text(json.dumps(draft))
    apply_machine(
        stage,
        "drafted",
        profileRef={"name": "draft-lathe"},
        endpoint={"url": "modbus+tcp://lathe-03.shopfloor.svc:502"},
    )
    wait_condition(stage, "drafted", "Commissioned", "True", 60)
    before, old = restarts(stage), machine(stage, "drafted")["status"]["configHash"]
    draft["spec"]["signals"] = [signal for signal in draft["spec"]["signals"] if signal["name"] != "toolNumber"]
    begun = time.monotonic()
    stage.kubectl.apply_text(json.dumps(draft))

    def missing() -> str:
        now = machine(stage, "drafted")
        changed = now["status"].get("configHash") != old and is_true(now, "Ready")
        return "" if changed else f"still {old}"

    wait_for("the new signal list", missing, say, 20)
    say(f"a changed signal list was in force and shown after {time.monotonic() - begun:.1f} s")
    assert restarts(stage) == before
    stage.kubectl.run("delete", "machine", "-n", PLANT_NAMESPACE, "drafted")
    stage.kubectl.run("delete", "machineprofile", "-n", PLANT_NAMESPACE, "draft-lathe")


def test_prometheus_sees_the_figures(stage: Stage) -> None:
    def series(query: str) -> list[Object]:
        answer = stage.ask(PROMETHEUS, f"/api/v1/query?query={query}")
        found: list[Object] = answer["data"]["result"]
        return found

    for query in (
        "machine:plantwright_availability:ratio_rate5m",
        "machine:plantwright_quality:ratio_rate5m",
        "machine:plantwright_oee:ratio_rate5m",
        "plant:plantwright_oee:ratio_rate5m",
        "plantwright_machines",
        "plantwright_apply_to_first_value_seconds_count",
    ):
        wait_for(query, lambda q=query: "" if series(q) else "no series", say, 90)  # type: ignore[misc]
    values = [float(found["value"][1]) for found in series("machine:plantwright_oee:ratio_rate5m")]
    assert all(0 <= value <= 1.5 for value in values), values


def kill_gateway_process(stage: Stage, name: str) -> None:
    """Kill -9 from outside: the process of the container, not the pod."""
    pod = stage.kubectl.items("pods", PLANT_NAMESPACE, f"{GATEWAY},plantwright.io/machine={name}")[0]
    before = restarts(stage)[pod["metadata"]["name"]][1]
    uid = pod["metadata"]["uid"].replace("-", "_")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if "plantwright_gateway" in (process / "cmdline").read_text() and _of_pod(process, uid):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue
    wait_for(
        f"{name} restarted", lambda: "" if restarts(stage)[pod["metadata"]["name"]][1] > before else "not yet", say, 60
    )


def _of_pod(process: Path, uid: str) -> bool:
    groups = (process / "cgroup").read_text()
    return uid in groups or uid.replace("_", "-") in groups


def control(stage: Stage, **command: Any) -> None:
    """Tell the shop floor, as someone at the machine would."""
    pod = stage.kubectl.items("pods", FLOOR[0])[0]["metadata"]["name"]
    code = (
        "import urllib.request,sys;urllib.request.urlopen(urllib.request.Request("
        f"'http://127.0.0.1:{FLOOR[2]}/control',data=sys.argv[1].encode(),method='POST'))"
    )
    stage.kubectl.run("exec", "-n", FLOOR[0], pod, "--", "python3", "-c", code, json.dumps(command))


def test_faults_under_load_lose_nothing_and_store_nothing_twice(stage: Stage) -> None:
    kill_gateway_process(stage, "lathe-01")
    stage.kubectl.run(
        "delete", "pod", "-n", PLANT_NAMESPACE, "-l", f"{GATEWAY},plantwright.io/machine=lathe-02", "--force",
        "--grace-period=0",
    )  # fmt: skip
    control(stage, machine="*", action="reboot", seconds=3)
    stage.kubectl.run("scale", "-n", MES[0], "deployment/mes", "--replicas=0")
    time.sleep(15)
    stage.kubectl.run("scale", "-n", MES[0], "deployment/mes", "--replicas=1")

    def missing() -> str:
        machines = stage.kubectl.items(MACHINES, PLANT_NAMESPACE)
        stale = [m["metadata"]["name"] for m in machines if not is_true(m, "DataFresh")]
        return f"not fresh: {', '.join(stale)}" if stale else ""

    wait_for("all machines", missing, say, 90)
    time.sleep(5)
    wait_for("the backlog", lambda: backlog(stage), say, 60)
    summary, judged = summarise(stage)
    say(summary.line())
    for sink in ("http", "mqtt"):
        for found in judgements(stage, [j.machine for j in judged], sink):
            assert found.holds(), (sink, found)
            assert found.gap_seconds < 40, found
    assert summary.gaps > 0


def backlog(stage: Stage) -> str:
    """What the gateways still hold, from their own metrics as Prometheus scraped them."""
    answer = stage.ask(PROMETHEUS, "/api/v1/query?query=sum(plantwright_buffer_rows)")
    rows = float(answer["data"]["result"][0]["value"][1])
    return "" if rows < 50 else f"{rows:.0f} rows"
