"""The operator's copy of the cluster: every object it was told of by a watch, or got back from its own writes.

Objects are kept as compact JSON, since a plant has thousands of children and Python's dictionaries cost five times their
text; what is asked for often (which machines a plant has, which gateway rolls) is kept beside them. Own writes enter at
once, so a reconcile never acts on what it has just changed itself; an older version never replaces a newer one.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import pydantic

from plantwright_api.v1alpha1.base import Owner
from plantwright_operator.cluster.kinds import OURS
from plantwright_operator.decide import endpoints, pods
from plantwright_operator.model import (
    ENDPOINT_ANNOTATION,
    MACHINE_ANNOTATION,
    PLANT_ANNOTATION,
    Endpoint,
    Key,
    Obj,
    resource_version,
)

_TOMBSTONES = 20_000
_POD_STATUS = ("phase", "podIP", "conditions", "containerStatuses")


class MachineSummary(NamedTuple):
    """What is asked of machines often. `device` is empty where the URL cannot be read, `owner` is the machine's own."""

    plant: str
    profile: str
    device: str
    conditions: tuple[tuple[str, str], ...]
    area: str
    line: str
    owner: Owner | None


class Change(NamedTuple):
    """What an event changed. `before` is None for a new object, `after` for one that is gone.

    `spec_changed` tells a change of what a person wrote from one of status or metadata.
    """

    key: Key
    before: MachineSummary | None
    after: MachineSummary | None
    machine: str
    plant: str
    device: str
    gone: bool
    spec_changed: bool


class _Stored(NamedTuple):
    uid: str
    version: int
    generation: int
    body: bytes


class Observed:
    """The cache. Nothing in it is shared: what is read may be changed by the reader."""

    def __init__(self) -> None:
        self._objects: dict[Key, _Stored] = {}
        self._by_kind: dict[str, set[Key]] = defaultdict(set)
        self._tombstones: OrderedDict[Key, int] = OrderedDict()
        self._summaries: dict[Key, MachineSummary] = {}
        self._by_plant: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._by_device: dict[str, set[Key]] = defaultdict(set)
        self._by_machine: dict[tuple[str, str, str], set[Key]] = defaultdict(set)
        self._rolling: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._devices: dict[Key, str] = {}
        self._in_force: dict[str, set[Key]] = defaultdict(set)
        self._encoder = msgspec.json.Encoder()
        self.on_change: Callable[[Change], None] = lambda _: None
        """Called with every change, whether a watch told it or an own write did."""

    def observe(self, kind: str, obj: Obj, *, gone: bool = False) -> None:
        """Take a version of an object; one that tells nothing new is passed over."""
        meta = obj["metadata"]
        key = Key(kind, meta.get("namespace", ""), meta["name"])
        version = resource_version(meta)
        old = self._objects.get(key)
        if version <= self._tombstones.get(key, -1) or (old is not None and version < old.version):
            return
        if old is not None and version == old.version and not gone:
            return
        before = self._summaries.get(key)
        if gone:
            self._forget(key, version)
        else:
            self._remember(key, version, obj)
        generation = meta.get("generation", 0)
        self.on_change(
            Change(
                key=key,
                before=before,
                after=self._summaries.get(key),
                machine=_annotation(meta, MACHINE_ANNOTATION),
                plant=_annotation(meta, PLANT_ANNOTATION),
                device=_annotation(meta, ENDPOINT_ANNOTATION),
                gone=gone,
                spec_changed=gone or old is None or old.uid != meta.get("uid") or old.generation != generation,
            )
        )

    def get(self, key: Key) -> Obj | None:
        """A copy of the object; None where there is none."""
        stored = self._objects.get(key)
        return msgspec.json.decode(stored.body, type=dict) if stored is not None else None

    def version(self, key: Key) -> int:
        """Resource version of the object as a number; -1 where there is none."""
        stored = self._objects.get(key)
        return stored.version if stored is not None else -1

    def knows(self, key: Key, version: int) -> bool:
        """Whether the cache has the object in this version or a newer one, or has seen a newer one go."""
        return max(self.version(key), self._tombstones.get(key, -1)) >= version

    def uid(self, key: Key) -> str:
        """Uid of the object; empty where there is none."""
        stored = self._objects.get(key)
        return stored.uid if stored is not None else ""

    def keys(self, kind: str) -> list[Key]:
        """All objects of a kind."""
        return sorted(self._by_kind[kind])

    def drop(self, key: Key, uid: str) -> bool:
        """Forget an object that a list no longer names; False where it is another one by now."""
        stored = self._objects.get(key)
        if stored is None or stored.uid != uid:
            return False
        obj = msgspec.json.decode(stored.body, type=dict)
        obj["metadata"]["resourceVersion"] = str(stored.version)
        self.observe(key.kind, obj, gone=True)
        return True

    def machines_of(self, namespace: str, plant: str) -> set[Key]:
        """Machines that name this plant."""
        return self._by_plant[namespace, plant]

    def machines_at(self, device: str) -> set[Key]:
        """Machines that name this host and port."""
        return self._by_device[device] if device else set()

    def summary(self, machine: Key) -> MachineSummary | None:
        """The summary of a machine."""
        return self._summaries.get(machine)

    def summaries(self) -> Iterator[tuple[Key, MachineSummary]]:
        """All machines with their summaries."""
        yield from self._summaries.items()

    def children(self, kind: str, namespace: str, machine: str) -> list[Key]:
        """Children of a kind that name this machine, whether or not it exists."""
        return sorted(self._by_machine[kind, namespace, machine])

    def machine_of(self, child: Key) -> str:
        """Name of the machine that a child belongs to; empty where it names none."""
        stored = self._objects.get(child)
        if stored is None:
            return ""
        return msgspec.json.decode(stored.body, type=_Envelope).metadata.annotations.get(MACHINE_ANNOTATION, "")

    def rolling(self, namespace: str, plant: str) -> set[str]:
        """Names of the StatefulSets of a plant whose pods are being replaced."""
        return self._rolling[namespace, plant]

    def device_in_force(self, config_map: Key) -> str:
        """Host and port that a gateway's live configuration reads; empty where there is none."""
        return self._devices.get(config_map, "")

    def gateways_at(self, device: str) -> set[Key]:
        """Machines, existing or just removed, whose live configuration reads this host and port."""
        return self._in_force[device] if device else set()

    def count(self) -> int:
        """How many objects are known."""
        return len(self._objects)

    def _remember(self, key: Key, version: int, obj: Obj) -> None:
        meta = obj["metadata"]
        trimmed = trim(key.kind, obj)
        self._unindex(key)
        self._objects[key] = _Stored(
            meta.get("uid", ""), version, meta.get("generation", 0), self._encoder.encode(trimmed)
        )
        self._by_kind[key.kind].add(key)
        self._index(key, obj)

    def _forget(self, key: Key, version: int) -> None:
        self._unindex(key)
        self._objects.pop(key, None)
        self._by_kind[key.kind].discard(key)
        self._tombstones[key] = version
        self._tombstones.move_to_end(key)
        while len(self._tombstones) > _TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _index(self, key: Key, obj: Obj) -> None:
        if key.kind == "Machine":
            summary = summarize(obj)
            self._summaries[key] = summary
            self._by_plant[key.namespace, summary.plant].add(key)
            if summary.device:
                self._by_device[summary.device].add(key)
            return
        machine = _annotation(obj["metadata"], MACHINE_ANNOTATION)
        if machine:
            self._by_machine[key.kind, key.namespace, machine].add(key)
        if key.kind == "StatefulSet" and pods.was_started(obj) and pods.is_rolling(obj):
            self._rolling[key.namespace, _annotation(obj["metadata"], PLANT_ANNOTATION)].add(key.name)
        if key.kind == "ConfigMap" and machine:
            self._devices[key] = _annotation(obj["metadata"], ENDPOINT_ANNOTATION)
            self._in_force[self._devices[key]].add(Key("Machine", key.namespace, machine))

    def _unindex(self, key: Key) -> None:
        summary = self._summaries.pop(key, None)
        if summary is not None:
            self._by_plant[key.namespace, summary.plant].discard(key)
            self._by_device[summary.device].discard(key)
        stored = self._objects.get(key)
        if stored is None or key.kind in OURS:
            return
        meta = msgspec.json.decode(stored.body, type=_Envelope).metadata
        machine = meta.annotations.get(MACHINE_ANNOTATION, "")
        self._by_machine[key.kind, key.namespace, machine].discard(key)
        self._rolling[key.namespace, meta.annotations.get(PLANT_ANNOTATION, "")].discard(key.name)
        self._in_force[self._devices.pop(key, "")].discard(Key("Machine", key.namespace, machine))


class _Meta(msgspec.Struct):
    annotations: dict[str, str] = {}


class _Envelope(msgspec.Struct):
    metadata: _Meta


def trim(kind: str, obj: Obj) -> Obj:
    """The object without what nobody here reads; a pod keeps its metadata, its node and the parts of status that matter."""
    meta = {k: v for k, v in obj["metadata"].items() if k not in ("managedFields", "selfLink")}
    if kind == "Pod":
        status = obj.get("status", {})
        node = obj.get("spec", {}).get("nodeName", "")
        return {
            "metadata": meta,
            "spec": {"nodeName": node},
            "status": {k: status[k] for k in _POD_STATUS if k in status},
        }
    return {**obj, "metadata": meta}


def summarize(machine: Obj) -> MachineSummary:
    """The summary of a machine; admission has seen to its shape, but nothing here relies on it."""
    spec, status = machine.get("spec", {}), machine.get("status", {})
    endpoint, location = endpoints.endpoint(str(spec.get("endpoint", {}).get("url", ""))), spec.get("location", {})
    return MachineSummary(
        plant=str(spec.get("plantRef", {}).get("name", "")),
        profile=str(spec.get("profileRef", {}).get("name", "")),
        device=endpoint.device if isinstance(endpoint, Endpoint) else "",
        conditions=tuple((c["type"], c["status"]) for c in _conditions(status)),
        area=str(location.get("area", "")),
        line=str(location.get("line", "")),
        owner=_owner(spec),
    )


def _owner(spec: Obj) -> Owner | None:
    try:
        return Owner.model_validate(spec["owner"]) if "owner" in spec else None
    except pydantic.ValidationError:
        return None


def _conditions(status: Obj) -> Iterable[Any]:
    return (c for c in status.get("conditions", []) if "type" in c and "status" in c)


def _annotation(meta: Obj, name: str) -> str:
    return str(meta.get("annotations", {}).get(name, ""))
