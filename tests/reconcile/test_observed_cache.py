"""The cache: newer versions only, own writes at once, what is gone stays gone."""

from typing import Any

from plantwright_operator.model import Key
from plantwright_operator.reconcile.observed import Change, Observed, trim

NAMESPACE = "n"


def machine(
    name: str = "m", version: int = 1, *, plant: str = "p", url: str = "opc.tcp://10.0.0.1", uid: str = "u"
) -> dict[str, Any]:
    return {
        "kind": "Machine",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": uid,
            "resourceVersion": str(version),
            "generation": 1,
        },
        "spec": {"plantRef": {"name": plant}, "profileRef": {"name": "x"}, "endpoint": {"url": url}},
    }


def child(kind: str, version: int = 1, of: str = "m", **body: Any) -> dict[str, Any]:
    annotations = {"plantwright.io/machine": of, "plantwright.io/plant": "p", **body.pop("annotations", {})}
    meta = {
        "name": "gw-m",
        "namespace": NAMESPACE,
        "uid": "c",
        "resourceVersion": str(version),
        "annotations": annotations,
    }
    return {"kind": kind, "metadata": {**meta, **body.pop("metadata", {})}, **body}


def cache() -> tuple[Observed, list[Change]]:
    observed, changes = Observed(), []
    observed.on_change = changes.append
    return observed, changes


KEY = Key("Machine", NAMESPACE, "m")


def test_an_older_version_never_replaces_a_newer_one() -> None:
    observed, changes = cache()
    observed.observe("Machine", machine(version=9))
    observed.observe("Machine", machine(version=5, plant="old"))
    observed.observe("Machine", machine(version=9, plant="same version again"))
    found = observed.get(KEY)
    assert found is not None
    assert found["spec"]["plantRef"]["name"] == "p"
    assert len(changes) == 1


def test_what_is_gone_stays_gone_though_an_own_write_answers_late() -> None:
    observed, _ = cache()
    observed.observe("Machine", machine(version=5))
    observed.observe("Machine", machine(version=8), gone=True)
    observed.observe("Machine", machine(version=7))
    assert observed.get(KEY) is None
    assert observed.knows(KEY, 1)
    observed.observe("Machine", machine(version=9, uid="added again"))
    assert observed.uid(KEY) == "added again"


def test_indexes_follow_changes() -> None:
    observed, _ = cache()
    observed.observe("Machine", machine(version=1))
    assert observed.machines_of(NAMESPACE, "p") == {KEY}
    assert observed.machines_at("10.0.0.1:4840") == {KEY}
    observed.observe("Machine", machine(version=2, plant="q", url="opc.tcp://10.0.0.2"))
    assert observed.machines_of(NAMESPACE, "p") == set()
    assert observed.machines_of(NAMESPACE, "q") == {KEY}
    assert observed.machines_at("10.0.0.1:4840") == set()
    observed.observe("Machine", machine(version=3, plant="q"), gone=True)
    assert observed.machines_of(NAMESPACE, "q") == set()
    assert observed.summary(KEY) is None


def test_a_url_that_cannot_be_read_is_at_no_device() -> None:
    observed, _ = cache()
    observed.observe("Machine", machine(url="opc.tcp://["))
    assert observed.machines_at("") == set()


def test_a_status_write_is_no_change_of_what_a_person_wrote() -> None:
    observed, changes = cache()
    observed.observe("Machine", machine(version=1))
    observed.observe("Machine", machine(version=2))
    newer = machine(version=3)
    newer["metadata"]["generation"] = 2
    observed.observe("Machine", newer)
    assert [c.spec_changed for c in changes] == [True, False, True]


def test_children_are_found_by_the_machine_they_name() -> None:
    observed, changes = cache()
    observed.observe("ConfigMap", child("ConfigMap", annotations={"plantwright.io/endpoint": "10.0.0.1:4840"}))
    found = Key("ConfigMap", NAMESPACE, "gw-m")
    assert observed.children("ConfigMap", NAMESPACE, "m") == [found]
    assert observed.machine_of(found) == "m"
    assert observed.device_in_force(found) == "10.0.0.1:4840"
    assert observed.gateways_at("10.0.0.1:4840") == {KEY}
    assert (changes[0].machine, changes[0].plant, changes[0].device) == ("m", "p", "10.0.0.1:4840")
    observed.observe("ConfigMap", child("ConfigMap", 2), gone=True)
    assert observed.children("ConfigMap", NAMESPACE, "m") == []
    assert observed.gateways_at("10.0.0.1:4840") == set()


def test_a_rolling_gateway_is_counted_until_it_has_rolled() -> None:
    observed, _ = cache()

    def rolls(version: int, current: str, update: str) -> set[str]:
        status = {"observedGeneration": 1, "currentRevision": current, "updateRevision": update}
        body = child("StatefulSet", version, status=status, metadata={"generation": 1})
        observed.observe("StatefulSet", body)
        return set(observed.rolling(NAMESPACE, "p"))

    assert rolls(1, "a", "a") == set()
    assert rolls(2, "a", "b") == {"gw-m"}
    assert rolls(3, "b", "b") == set()


def test_a_list_that_names_an_object_no_longer_drops_that_object_only() -> None:
    observed, changes = cache()
    observed.observe("Machine", machine(version=1))
    assert not observed.drop(KEY, "another uid")
    assert observed.drop(KEY, "u")
    assert observed.get(KEY) is None
    assert changes[-1].gone


def test_what_nobody_reads_is_not_kept() -> None:
    pod = child("Pod", spec={"containers": [{"env": ["large"]}]}, status={"podIP": "10.0.0.9", "qosClass": "Burstable"})
    pod["metadata"]["managedFields"] = [{"manager": "kubelet"}]
    kept = trim("Pod", pod)
    assert kept["spec"] == {"nodeName": pod["spec"].get("nodeName", "")}
    assert kept["status"] == {"podIP": "10.0.0.9"}
    assert "managedFields" not in kept["metadata"]
    assert "managedFields" in pod["metadata"], "the event itself is not changed"


def test_what_is_known_is_told_by_versions() -> None:
    observed, _ = cache()
    assert not observed.knows(KEY, 1)
    observed.observe("Machine", machine(version=5))
    assert observed.knows(KEY, 5)
    assert not observed.knows(KEY, 6), "a newer version has been listed"
    observed.observe("Machine", machine(version=7), gone=True)
    assert observed.knows(KEY, 6)
    assert not observed.knows(KEY, 8), "it was made again and no event told so"
