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
from plantwright_demo.stage import FLOOR, MES, OPERATOR_NAMESPACE, PLANT_NAMESPACE, PROMETHEUS, RELEASE
from plantwright_demo.summary import judgements, summarise

pytestmark = pytest.mark.e2e
READS = ("get", "list", "watch")


def operator_writes(world: Any, since: float = 0.0) -> Counter[str]:
    """Writes of the operator by verb and resource, Lease and events apart, from the audit log."""
    counts: Counter[str] = Counter()
    assert world.stage.cluster
    for line in world.stage.cluster.audit_log.read_text().splitlines():
        entry = json.loads(line)
        target = entry.get("objectRef", {})
        if not entry["user"]["username"].startswith(f"system:serviceaccount:{OPERATOR_NAMESPACE}:"):
            continue
        if entry["verb"] in READS or target.get("resource") in ("leases", "events"):
            continue
        if seconds(entry["requestReceivedTimestamp"]) < since:
            continue
        resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
        counts[f"{entry['verb']} {resource} {target.get('name', '')}"] += 1
    return counts


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_every_machine_is_in_force_and_delivers(world: Any) -> None:
    machines = world.kubectl.items(world.MACHINES)
    assert len(machines) >= 6
    for found in machines:
        for type_ in ("Ready", "Commissioned", "Connected", "DataFresh", "Buffered", "Durable"):
            assert is_true(found, type_), (found["metadata"]["name"], type_, condition(found, type_))


def test_kubectl_get_answers_at_a_glance(world: Any) -> None:
    table = world.kubectl.run("get", "machines", "-n", PLANT_NAMESPACE)
    assert table.splitlines()[0].split() == ["NAME", "READY", "CONNECTED", "FRESH", "SINCE", "PROBLEM", "AGE"]
    print(table)


def test_a_new_machine_costs_each_child_once_and_two_status_writes(world: Any) -> None:
    writes = operator_writes(world)
    for name in ("lathe-01", "cell-01"):
        mine = {key: count for key, count in writes.items() if key.split()[-1].endswith(name)}
        world.say(f"{name}: {mine}")
        status = sum(count for key, count in mine.items() if "machines/status" in key)
        children = {key: count for key, count in mine.items() if "machines/status" not in key}
        assert status <= 2
        assert set(children.values()) == {1}


def uncounted(world: Any) -> str:
    """What the Plant's status does not count yet: it is written some seconds after the last machine is ready."""
    status = world.kubectl.get("plants.plantwright.io", PLANT_NAMESPACE, "stuttgart")["status"]
    machines = len(world.kubectl.items(world.MACHINES, PLANT_NAMESPACE))
    counted = [status.get("machines"), status.get("readyMachines")]
    return "" if counted == [machines, machines] else f"{counted} of {machines}"


def test_nothing_is_written_at_rest_or_for_an_irrelevant_label(world: Any) -> None:
    world.wait_for("the plant's counts", lambda: uncounted(world), 30)
    time.sleep(3)
    since = time.time()
    world.kubectl.run("label", "machine", "-n", PLANT_NAMESPACE, "lathe-01", "colour=blue")
    time.sleep(12)
    assert operator_writes(world, since) == Counter()


def test_a_child_changed_by_hand_is_repaired(world: Any) -> None:
    policies = world.kubectl.items(
        "networkpolicies", PLANT_NAMESPACE, f"{world.GATEWAY},plantwright.io/machine=lathe-01"
    )
    name = policies[0]["metadata"]["name"]
    world.kubectl.run("delete", "networkpolicy", "-n", PLANT_NAMESPACE, name)

    def missing() -> str:
        found = {policy["metadata"]["name"] for policy in world.kubectl.items("networkpolicies", PLANT_NAMESPACE)}
        return "" if name in found else f"no NetworkPolicy {name}"

    wait_for("repair", missing, world.say, 20)


def test_a_draft_change_is_in_force_within_seconds_and_restarts_nothing(world: Any) -> None:
    profile = world.kubectl.get("machineprofiles.plantwright.io", PLANT_NAMESPACE, "cnc-lathe-1.0.0")
    draft = {
        "apiVersion": profile["apiVersion"],
        "kind": "MachineProfile",
        "metadata": {"name": "draft-lathe", "namespace": PLANT_NAMESPACE},
        "spec": {**profile["spec"], "name": "draft-lathe", "version": "0.1.0", "lifecycle": "Draft"},
    }
    world.kubectl.apply_text(json.dumps(draft))
    world.apply(
        "drafted",
        profileRef={"name": "draft-lathe"},
        endpoint={"url": "modbus+tcp://lathe-03.shopfloor.svc:502"},
    )
    world.wait_condition("drafted", "Commissioned", "True", 60)
    before, old = world.restarts(), world.machine("drafted")["status"]["configHash"]
    draft["spec"]["signals"] = [signal for signal in draft["spec"]["signals"] if signal["name"] != "toolNumber"]
    begun = time.monotonic()
    world.kubectl.apply_text(json.dumps(draft))

    def missing() -> str:
        now = world.machine("drafted")
        changed = now["status"].get("configHash") != old and is_true(now, "Ready")
        return "" if changed else f"still {old}"

    wait_for("the new signal list", missing, world.say, 20)
    world.say(f"a changed signal list was in force and shown after {time.monotonic() - begun:.1f} s")
    assert world.restarts() == before
    world.kubectl.run("delete", "machine", "-n", PLANT_NAMESPACE, "drafted")
    world.kubectl.run("delete", "machineprofile", "-n", PLANT_NAMESPACE, "draft-lathe")


def test_prometheus_sees_the_figures(world: Any) -> None:
    # In a break nothing is planned, so there is rightly no availability: let the plant work around the clock.
    no_breaks = json.dumps({"spec": {"calendar": {"shifts": []}}})
    world.kubectl.run("patch", "plant", "-n", PLANT_NAMESPACE, "stuttgart", "--type=merge", "-p", no_breaks)

    def series(query: str) -> list[Object]:
        answer = world.stage.ask(PROMETHEUS, f"/api/v1/query?query={query}")
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
        wait_for(query, lambda q=query: "" if series(q) else "no series", world.say, 90)  # type: ignore[misc]
    values = [float(found["value"][1]) for found in series("machine:plantwright_oee:ratio_rate5m")]
    assert all(0 <= value <= 1.5 for value in values), values


def kill_gateway_process(world: Any, name: str) -> None:
    """Kill -9 from outside: the process of the container, not the pod."""
    pod = world.kubectl.items("pods", PLANT_NAMESPACE, f"{world.GATEWAY},plantwright.io/machine={name}")[0]
    before = world.restarts()[pod["metadata"]["name"]][1]
    uid = pod["metadata"]["uid"].replace("-", "_")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if "plantwright_gateway" in (process / "cmdline").read_text() and _of_pod(process, uid):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue
    wait_for(
        f"{name} restarted",
        lambda: "" if world.restarts()[pod["metadata"]["name"]][1] > before else "not yet",
        world.say,
        60,
    )


def _of_pod(process: Path, uid: str) -> bool:
    groups = (process / "cgroup").read_text()
    return uid in groups or uid.replace("_", "-") in groups


def control(world: Any, **command: Any) -> None:
    """Tell the shop floor, as someone at the machine would."""
    [found] = world.kubectl.items("pods", FLOOR[0], "app.kubernetes.io/name=shopfloor")
    pod = found["metadata"]["name"]
    code = (
        "import urllib.request,sys;urllib.request.urlopen(urllib.request.Request("
        f"'http://127.0.0.1:{FLOOR[2]}/control',data=sys.argv[1].encode(),method='POST'))"
    )
    world.kubectl.run("exec", "-n", FLOOR[0], pod, "--", "python3", "-c", code, json.dumps(command))


def test_faults_under_load_lose_nothing_and_store_nothing_twice(world: Any) -> None:
    kill_gateway_process(world, "lathe-01")
    world.kubectl.run(
        "delete", "pod", "-n", PLANT_NAMESPACE, "-l", f"{world.GATEWAY},plantwright.io/machine=lathe-02", "--force",
        "--grace-period=0",
    )  # fmt: skip
    control(world, machine="*", action="reboot", seconds=3)
    gone = ((MES[0], "mes", 1), (OPERATOR_NAMESPACE, f"{RELEASE}-operator", 2))
    for place, deployment, _ in gone:
        world.kubectl.run("scale", "-n", place, f"deployment/{deployment}", "--replicas=0")
    time.sleep(15)
    for place, deployment, replicas in gone:
        world.kubectl.run("scale", "-n", place, f"deployment/{deployment}", f"--replicas={replicas}")

    def missing() -> str:
        machines = world.kubectl.items(world.MACHINES, PLANT_NAMESPACE)
        stale = [m["metadata"]["name"] for m in machines if not is_true(m, "DataFresh")]
        return f"not fresh: {', '.join(stale)}" if stale else ""

    wait_for("all machines", missing, world.say, 90)
    time.sleep(5)
    wait_for("the backlog", lambda: backlog(world), world.say, 60)
    summary, judged = summarise(world.stage)
    world.say(summary.line())
    for sink in ("http", "mqtt"):
        for found in judgements(world.stage, [j.machine for j in judged], sink):
            assert found.holds(), (sink, found)
            assert found.gap_seconds < 40, found
    assert summary.gaps > 0


def backlog(world: Any) -> str:
    """What the gateways still hold, from their own metrics as Prometheus scraped them."""
    answer = world.stage.ask(PROMETHEUS, "/api/v1/query?query=sum(plantwright_buffer_rows)")
    rows = float(answer["data"]["result"][0]["value"][1])
    return "" if rows < 50 else f"{rows:.0f} rows"
