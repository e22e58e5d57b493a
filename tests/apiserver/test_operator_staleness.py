"""What the operator does when its copy of the cluster is wrong; parts of it run here, against a real API server."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from plantwright_api.v1alpha1.machine import MachineStatus
from plantwright_operator.cluster import api as cluster_api
from plantwright_operator.cluster.api import Api
from plantwright_operator.cluster.errors import ConflictError, NotFoundError, RefusedError
from plantwright_operator.cluster.gateways import Gateways
from plantwright_operator.decide.conditions import Observed as Evidence
from plantwright_operator.model import Key
from plantwright_operator.reconcile.announcements import Announcements
from plantwright_operator.reconcile.controller import Controller
from plantwright_operator.reconcile.metrics import Metrics
from plantwright_operator.reconcile.observed import Observed
from plantwright_operator.reconcile.remains import Remains
from plantwright_operator.reconcile.reports import Reports
from plantwright_operator.reconcile.statuses import Statuses
from plantwright_operator.settings import from_environment

pytestmark = [pytest.mark.apiserver]


@pytest.fixture
async def operators_api(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """The operator's client, under a user that has its rights and no more; the fence lets everything pass."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(cluster.client_kubeconfig("operator-parts", groups=["test:operators"])))
    api = Api(await cluster_api.connect(), lambda: None)
    yield api
    await api.close()


@pytest.mark.row("O2")
async def test_a_resync_forgets_what_no_event_told_of(operators_api: Api, world: Any, namespace: str) -> None:
    await world.apply("Plant")
    plant = await world.get("plants", "stuttgart")
    gateways = Gateways(1)
    environment = {"GATEWAY_IMAGE": "g", "WATCH_NAMESPACES": namespace, "POD_NAMESPACE": "default"}
    controller = Controller(operators_api, gateways, from_environment(environment))
    ghost = {**plant, "metadata": {**plant["metadata"], "name": "ghost", "uid": "gone"}}
    reborn = {**plant, "metadata": {**plant["metadata"], "name": "reborn", "uid": "former"}}
    for body in (plant, ghost, reborn):
        controller.observe("Plant", body)
    assert await controller.correct() == 2
    assert controller.observed.keys("Plant") == [Key("Plant", namespace, "stuttgart")]
    await gateways.close()


@pytest.mark.row("O4")
async def test_a_claim_is_not_deleted_on_the_word_of_a_stale_cache(
    operators_api: Api, world: Any, namespace: str
) -> None:
    await world.base()
    await world.apply("Machine")
    annotations = {"plantwright.io/machine": "press-1", "plantwright.io/buffer-on-delete": "Discard"}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body = {"metadata": {"name": "gw-press-1", "annotations": annotations}, "spec": spec}
    claim = await world.api.call("POST", world.path("persistentvolumeclaims"), body)
    observed = Observed()
    observed.observe("PersistentVolumeClaim", claim)
    remains = Remains(observed, Reports(), operators_api)
    await remains.settle(Key("Machine", namespace, "press-1"))
    assert len(await world.list("persistentvolumeclaims")) == 1, "the machine is there, whatever the cache says"
    await world.delete("machines", "press-1")
    await remains.settle(Key("Machine", namespace, "press-1"))
    left = await world.list("persistentvolumeclaims")
    assert all("deletionTimestamp" in item["metadata"] for item in left)


@pytest.mark.row("B7")
async def test_a_status_is_not_written_to_another_machine_of_that_name(
    operators_api: Api, world: Any, namespace: str
) -> None:
    former = await world.apply("Machine")
    await world.delete("machines", "press-1")
    machine = await world.apply("Machine")
    observed, metrics = Observed(), Metrics()
    statuses = Statuses(observed, operators_api, metrics, Announcements(observed, operators_api, "test"))
    key, evidence = Key("Machine", namespace, "press-1"), Evidence(generation=1, previous=MachineStatus())
    await statuses.machine(key, former["metadata"], evidence, "stuttgart")
    assert "conditions" not in (await world.get("machines", "press-1"))["status"]
    await world.patch("machines", "press-1", {"metadata": {"labels": {"edited": "meanwhile"}}})
    await statuses.machine(key, machine["metadata"], evidence, "stuttgart")
    assert "conditions" in (await world.get("machines", "press-1"))["status"]


async def test_answers_become_errors_that_say_what_to_do(
    operators_api: Api, world: Any, raw: Callable[..., Any], namespace: str
) -> None:
    await world.apply("Plant")
    with pytest.raises(NotFoundError):
        await operators_api.apply_status("Plant", namespace, "nobody", {"observedGeneration": 1})
    condition = {
        "type": "Ready",
        "status": "Perhaps",
        "reason": "X",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    with pytest.raises(RefusedError, match="Perhaps"):
        await operators_api.apply_status("Plant", namespace, "stuttgart", {"conditions": [condition]})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "namespace": "kube-system-not"}}
    with pytest.raises(NotFoundError, match="namespace"):
        await operators_api.apply(account)
    await world.api.call("POST", world.path("persistentvolumeclaims"), _claim())
    with pytest.raises(ConflictError):
        await operators_api.delete("PersistentVolumeClaim", namespace, "c", "another-uid")
    await world.api.call("POST", world.path("pods"), _pod())
    with pytest.raises(ConflictError):
        await operators_api.annotate_pod(namespace, "p", "another-uid", {"a": "b"})
    assert await operators_api.read("ConfigMap", namespace, "nothing") is None
    await operators_api.delete("PersistentVolumeClaim", namespace, "gone-already", "any")


def _claim() -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": "c"}, "spec": spec}


def _pod() -> dict[str, Any]:
    container = {"name": "c", "image": "i"}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], "automountServiceAccountToken": False}}


async def test_the_fence_stands_before_every_write(operators_api: Api, world: Any, namespace: str) -> None:
    class FencedError(Exception):
        pass

    def closed() -> None:
        raise FencedError

    operators_api._fence = closed
    meta = {"name": "x", "namespace": namespace}
    event = {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": meta}
    for attempt in (
        lambda: operators_api.apply({"kind": "ConfigMap", "metadata": meta}),
        lambda: operators_api.apply_status("Plant", namespace, "x", {}),
        lambda: operators_api.annotate_pod(namespace, "x", "u", {}),
        lambda: operators_api.delete("Pod", namespace, "x", "u"),
        lambda: operators_api.create_event(event),
    ):
        with pytest.raises(FencedError):
            await attempt()
    assert await operators_api.serves("plantwright.io/v1alpha1"), "reading needs no leadership"
