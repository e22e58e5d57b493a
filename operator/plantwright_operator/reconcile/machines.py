"""Reconcile one machine: gather, decide, build, apply what differs, refresh the gateway, write the status."""

import logging
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from plantwright_api.v1alpha1 import Machine
from plantwright_api.v1alpha1.machine import MachineStatus
from plantwright_operator.cluster.api import Api
from plantwright_operator.cluster.errors import ConflictError, NotFoundError, RefusedError
from plantwright_operator.decide import pods, reload, rollout
from plantwright_operator.decide.conditions import SILENT_AFTER, Judgement
from plantwright_operator.decide.conditions import Observed as Evidence
from plantwright_operator.decide.machine_status import FIRST_VALUE
from plantwright_operator.decide.reload import Touched
from plantwright_operator.desired import children as desired_children
from plantwright_operator.desired.names import child_name
from plantwright_operator.model import (
    APPROVAL_ANNOTATION,
    CONFIG_ANNOTATION,
    GATEWAY_UID_ANNOTATION,
    IMAGE_ANNOTATION,
    REPLAY_ANNOTATION,
    TEMPLATE_ANNOTATION,
    TOUCH_ANNOTATION,
    Desired,
    Facts,
    Key,
    Obj,
    Refusal,
    Report,
    Resolved,
    Workload,
)
from plantwright_operator.reconcile.admission import Admission
from plantwright_operator.reconcile.catalog import Catalog, parse
from plantwright_operator.reconcile.children import REFUSED_SECONDS, Children
from plantwright_operator.reconcile.governance import Governance
from plantwright_operator.reconcile.observed import MachineSummary, Observed
from plantwright_operator.reconcile.remains import Remains
from plantwright_operator.reconcile.reports import Reports
from plantwright_operator.reconcile.statuses import Statuses, previous
from plantwright_operator.settings import Settings

HELD_BACK = ("ConfigMap", "NetworkPolicy", "StatefulSet")
"""Children that a change which may not go out yet leaves alone: together they are what the running gateway relies on."""

FIRST_REFUSED_SECONDS = 2.0
"""What was refused is tried again after this long, then after twice as long each time, up to REFUSED_SECONDS."""

_BUILT_KEPT = 256

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What a reconcile came to, for the status and for the queue."""

    resolved: Resolved | None = None
    refusal: Refusal | None = None
    wait: Refusal | None = None
    failure: str = ""
    desired: Desired | None = None
    governed: Judgement | None = None
    again: list[float] = field(default_factory=list)


class Machines:
    """Reconciles machines. Holds between calls only what can be lost: touches made, who waits for a slot."""

    def __init__(
        self,
        observed: Observed,
        catalog: Catalog,
        admission: Admission,
        governance: Governance,
        children: Children,
        reports: Reports,
        statuses: Statuses,
        remains: Remains,
        api: Api,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observed = observed
        self._catalog = catalog
        self._admission = admission
        self._governance = governance
        self._children = children
        self._reports = reports
        self._statuses = statuses
        self._remains = remains
        self._api = api
        self._settings = settings
        self._clock = clock
        self._built: OrderedDict[Key, tuple[tuple[object, ...], Desired]] = OrderedDict()
        self._touched: dict[Key, Touched] = {}
        self._refused: dict[Key, int] = {}
        self._taken: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.waiting: set[Key] = set()

    async def reconcile(self, key: Key) -> float | None:
        """Bring one machine to what is desired.

        Returns:
            Seconds after which to look again though nothing may happen; None where an event will come.

        Raises:
            ApiError: what the API server said; the machine is tried again after a pause.
        """
        body = self._observed.get(key)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return await self._gone(key)
        pods_there = [self._observed.get(pod) for pod in self._observed.children("Pod", key.namespace, key.name)]
        live = self._children.live(key)
        state = pods.workload(
            live.get("StatefulSet"), [pod for pod in pods_there if pod is not None], body["metadata"]["uid"]
        )
        self._reports.pod_seen(key, state.pod)
        report = _own(self._reports.report(key), _gateway_uid(body["metadata"]["uid"], live))
        machine = parse(Machine, body)
        if isinstance(machine, Refusal):
            return await self._finish(key, body, Outcome(refusal=machine), state, report)
        try:
            outcome = await self._act(key, machine, live, state)
        except RefusedError as error:
            outcome = Outcome(failure=str(error), again=[self._pause_of_refused(key)])
        else:
            self._refused.pop(key, None)
        return await self._finish(key, body, outcome, state, report)

    def _pause_of_refused(self, key: Key) -> float:
        """A refusal may be over in a moment (a quota, a policy, a webhook that restarts) or last: the pause grows."""
        before = self._refused.get(key, 0)
        self._refused[key] = before + 1
        return min(REFUSED_SECONDS, FIRST_REFUSED_SECONDS * 2.0 ** min(before, 8))

    async def _act(self, key: Key, machine: Machine, live: dict[str, Obj], state: Workload) -> Outcome:
        judged = self._catalog.judge(machine)
        if isinstance(judged, Refusal):
            return Outcome(refusal=judged)
        violation, governed = self._governance.machine(judged)
        outcome = Outcome(resolved=judged, refusal=violation, governed=governed)
        if violation is not None or machine.spec.suspend or judged.plant.spec.suspend:
            return outcome
        verdict = self._admission.judge(judged)
        if isinstance(verdict, Refusal):
            outcome.refusal = verdict
            return await self._stop(key, judged, outcome, live)
        facts = self._facts(judged, live, verdict.requests_per_second)
        desired = self._build(key, judged, facts)
        live |= await self._children.unseen(key, [kind for kind in desired.objects if kind not in live])
        conflict = self._children.conflict(key, live)
        if conflict is not None:
            outcome.refusal = conflict
            outcome.again.append(REFUSED_SECONDS)
            return outcome
        outcome.desired = desired
        return await self._roll_out(key, judged, desired, live, state, outcome)

    async def _roll_out(
        self, key: Key, resolved: Resolved, desired: Desired, live: dict[str, Obj], state: Workload, outcome: Outcome
    ) -> Outcome:
        with self._slot(key, resolved, desired, live) as outcome.wait:
            held = HELD_BACK if outcome.wait is not None else ()
            outcome.refusal = await self._children.ensure_account(resolved.plant)
            if outcome.refusal is not None:
                outcome.again.append(REFUSED_SECONDS)
                return outcome
            applied = await self._children.apply(key, desired, live, held)
        if applied:
            self._reports.hurry(key)
        if outcome.wait is None:
            await self._refresh(key, desired, state, outcome)
        return outcome

    @contextmanager
    def _slot(self, key: Key, resolved: Resolved, desired: Desired, live: dict[str, Obj]) -> Iterator[Refusal | None]:
        """Judge whether the change may go out; one that restarts a pod holds its slot until the cache shows it rolling."""
        plant, own = (key.namespace, resolved.plant.metadata.name), child_name(key.name)
        rolling = self._observed.rolling(*plant) | self._taken[plant]
        change = _change(resolved, desired, live, own in rolling)
        wait = rollout.judge(change, resolved.plant.spec.rollout, len(rolling - {own}))
        (self.waiting.add if wait is not None else self.waiting.discard)(key)
        if wait is None and change.restarts:
            self._taken[plant].add(own)
        try:
            yield wait
        finally:
            self._taken[plant].discard(own)

    async def _refresh(self, key: Key, desired: Desired, state: Workload, outcome: Outcome) -> None:
        """Make the gateway see its configuration, and a stuck pod give way to its successor."""
        pod, report = state.pod, self._reports.report(key)
        if pods.is_stuck_on_old_revision(state) and pod is not None:
            logger.info("deleting pod %s of %s: it never got ready on its old revision", pod.name, key.name)
            await self._api.delete("Pod", key.namespace, pod.name, pod.uid)
            return
        touched = self._touched.get(key, Touched())
        if pod is None or not reload.is_wanted(pod, report, desired.config_hash, touched):
            return
        now = self._clock()
        pause = reload.wait(touched, desired.config_hash, now)
        if pause > 0:
            outcome.again.append(pause)
            return
        count = touched.count + 1 if touched.config_hash == desired.config_hash else 1
        self._touched[key] = Touched(desired.config_hash, count, now)
        logger.info(
            "touching pod %s of %s: it runs another configuration than %s", pod.name, key.name, desired.config_hash
        )
        annotations = {CONFIG_ANNOTATION: desired.config_hash, TOUCH_ANNOTATION: str(pod.touches + 1)}
        try:
            touched_pod = await self._api.annotate_pod(key.namespace, pod.name, pod.uid, annotations)
        except (NotFoundError, ConflictError):
            return
        self._observed.observe("Pod", touched_pod)
        self._reports.hurry(key)
        outcome.again.append(reload.wait(self._touched[key], desired.config_hash, now))

    async def _stop(self, key: Key, resolved: Resolved, outcome: Outcome, live: dict[str, Obj]) -> Outcome:
        """The device takes no more: a gateway that would be one too many is not made, and one that runs is stopped."""
        if "StatefulSet" in live and self._children.conflict(key, live) is None:
            facts = self._facts(resolved, live, None, replicas=0)
            desired = self._build(key, resolved, facts)
            await self._children.apply(key, desired, live, held=("ConfigMap", "NetworkPolicy", "PersistentVolumeClaim"))
        outcome.again.append(REFUSED_SECONDS)
        return outcome

    def _build(self, key: Key, resolved: Resolved, facts: Facts) -> Desired:
        """The desired children, built once for the same inputs: a gateway that starts is looked at a dozen times."""
        meta = resolved.machine.metadata
        replay = meta.annotations.get(REPLAY_ANNOTATION)  # what a person writes there is no new generation
        stamp = (meta.uid, meta.generation, replay, self._catalog.version, facts)
        known = self._built.get(key)
        if known is None or known[0] != stamp:
            known = self._built[key] = (stamp, desired_children.build(resolved, facts))
            while len(self._built) > _BUILT_KEPT:
                self._built.popitem(last=False)
        self._built.move_to_end(key)
        return known[1]

    def _facts(self, resolved: Resolved, live: dict[str, Obj], rate: int | None, replicas: int = 1) -> Facts:
        claim, stateful_set = live.get("PersistentVolumeClaim"), live.get("StatefulSet")
        claim_spec = claim["spec"] if claim else {}
        return Facts(
            gateway_uid=_gateway_uid(resolved.machine.metadata.uid, live),
            default_image=self._settings.gateway_image,
            pull_policy=self._settings.image_pull_policy,
            operator_namespace=self._settings.pod_namespace,
            requests_per_second=rate,
            running_image=_annotation(stateful_set, IMAGE_ANNOTATION) or None,
            medium=_medium(stateful_set),
            claim_size=claim_spec.get("resources", {}).get("requests", {}).get("storage"),
            claim_class=claim_spec.get("storageClassName"),
            replicas=replicas,
            plant_machines=self._sharers(resolved),
        )

    def _sharers(self, resolved: Resolved) -> int:
        """How many machines share the plant's limits; 1 where there are none, so that nothing depends on the number."""
        plant = resolved.plant
        if all(sink.max_requests_per_second is None for sink in plant.spec.mes.sinks):
            return 1
        return len(self._observed.machines_of(plant.metadata.namespace, plant.metadata.name))

    async def _finish(self, key: Key, body: Obj, outcome: Outcome, state: Workload, report: Report) -> float | None:
        resolved = outcome.resolved
        suspended = resolved is not None and (resolved.machine.spec.suspend or resolved.plant.spec.suspend)
        evidence = Evidence(
            generation=body["metadata"].get("generation", 0),
            previous=previous(MachineStatus, body),
            resolved=resolved,
            refusal=outcome.refusal,
            governed=outcome.governed,
            wait=outcome.wait,
            failure=outcome.failure,
            suspended=suspended,
            config_hash=outcome.desired.config_hash if outcome.desired else "",
            template_hash=outcome.desired.template_hash if outcome.desired else "",
            workload=state,
            report=report,
        )
        plant = str(body.get("spec", {}).get("plantRef", {}).get("name", ""))
        held = await self._statuses.machine(key, body["metadata"], evidence, plant)
        if held is not None:
            outcome.again.append(max(held, 0.05))
            if held <= FIRST_VALUE:
                self._reports.hurry(key, held + 1.0)
        elif _is_settled(self._observed.summary(key)) and not _is_reloading(outcome, report):
            self._reports.relax(key)
        unasked = state.pod is None or not state.pod.ip
        if unasked and report.silent_seconds < SILENT_AFTER:
            outcome.again.append(SILENT_AFTER - report.silent_seconds + 0.5)
        return min(outcome.again, default=None)

    async def _gone(self, key: Key) -> float | None:
        """The machine is gone or going: forget it, and see what becomes of its buffer."""
        self._touched.pop(key, None)
        self._refused.pop(key, None)
        self.waiting.discard(key)
        self._statuses.forget(key)
        self._admission.forget(key)
        self._catalog.forget(key)
        return await self._remains.settle(key)


def _gateway_uid(machine_uid: str, live: dict[str, Obj]) -> str:
    """The uid under which the gateway delivers: that of the machine which its claim was made for, if there is one."""
    return _annotation(live.get("PersistentVolumeClaim"), GATEWAY_UID_ANNOTATION) or machine_uid


def _own(report: Report, gateway_uid: str) -> Report:
    """Nothing heard, where what was heard is the word of a former machine's gateway: its values are not this machine's."""
    said = report.status.machines if report.status is not None else []
    return replace(report, status=None, pod_uid="") if said and said[0].uid != gateway_uid else report


def _is_reloading(outcome: Outcome, report: Report) -> bool:
    """Whether the gateway still runs another configuration than the one that is applied."""
    if outcome.desired is None or outcome.wait is not None or report.status is None:
        return False
    return report.status.config_hash != outcome.desired.config_hash


def _change(resolved: Resolved, desired: Desired, live: dict[str, Obj], rolling: bool) -> rollout.Change:
    annotations = resolved.machine.metadata.annotations
    return rollout.Change(
        name=resolved.machine.metadata.name,
        live_config=_annotation(live.get("ConfigMap"), CONFIG_ANNOTATION),
        live_template=_annotation(live.get("StatefulSet"), TEMPLATE_ANNOTATION),
        config=desired.config_hash,
        template=desired.template_hash,
        revision=desired.revision,
        approved=annotations.get(APPROVAL_ANNOTATION, ""),
        rolling=rolling,
    )


def _is_settled(summary: MachineSummary | None) -> bool:
    """In force, delivered once, connected and fresh: nothing is awaited."""
    wanted = {("Ready", "True"), ("Commissioned", "True"), ("Connected", "True"), ("DataFresh", "True")}
    return summary is not None and wanted <= set(summary.conditions)


def _annotation(child: Obj | None, name: str) -> str:
    return str(child["metadata"].get("annotations", {}).get(name, "")) if child else ""


def _medium(stateful_set: Obj | None) -> str | None:
    """Where the live gateway keeps its buffer."""
    if stateful_set is None:
        return None
    volumes = stateful_set["spec"]["template"]["spec"].get("volumes", [])
    buffer = next((v for v in volumes if v["name"] == "buffer"), None)
    if buffer is None:
        return None
    return "PersistentVolumeClaim" if "persistentVolumeClaim" in buffer else "EmptyDir"
