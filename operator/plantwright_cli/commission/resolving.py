"""From objects in files to the configuration of one machine's gateway, as the operator would make it. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from plantwright_api.v1alpha1 import DataContract, KubernetesObject, Machine, MachineProfile, Plant
from plantwright_api.wire import config as wire
from plantwright_cli.errors import UserError
from plantwright_cli.manifests import Manifest, of_kind
from plantwright_operator.decide.machines import judge
from plantwright_operator.desired.config import build
from plantwright_operator.model import Facts, Refusal, Resolved

Object = TypeVar("Object", bound=KubernetesObject)
SECRET_FIELDS = {"certificate": "certificate_secret", "trust": "trust_secret", "login": "credentials_secret"}
MODBUS_PORT = 502
LAPTOP = Facts(gateway_uid="laptop", default_image="", pull_policy="", operator_namespace="")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What will be read: the operator's resolution and the gateway's configuration with its hash.

    `assumed` says what was not given and therefore not checked, one sentence each.
    """

    resolved: Resolved
    machine: wire.Machine
    config_hash: str
    assumed: tuple[str, ...] = ()

    def dialling(self, url: str | None) -> "Prepared":
        """The same, reached at another URL: through a tunnel, or at a simulator.

        Raises:
            UserError: the URL is none of the machine's protocol.
        """
        if url is None:
            return self
        scheme = urlsplit(self.resolved.machine.spec.endpoint.url).scheme
        parts = urlsplit(url)
        if parts.scheme != scheme or not parts.hostname:
            raise UserError(f"--endpoint {url}: the machine is reached by {scheme}://host:port")
        source = self.machine.source
        if isinstance(source, wire.OpcUaSource):
            source = msgspec.structs.replace(source, url=url)
        else:
            source = msgspec.structs.replace(source, host=parts.hostname, port=parts.port or MODBUS_PORT)
        said = f"reached at {url} and not at the machine's own endpoint"
        return replace(
            self, machine=msgspec.structs.replace(self.machine, source=source), assumed=(*self.assumed, said)
        )

    def with_secrets(self, given: Collection[str]) -> "Prepared":
        """The same, reading its Secrets under our own names, whatever the cluster calls them."""
        source = self.machine.source
        if isinstance(source, wire.OpcUaSource):
            names = {field: name for name, field in SECRET_FIELDS.items() if name in given}
            source = msgspec.structs.replace(source, **names)
        return replace(self, machine=msgspec.structs.replace(self.machine, source=source))


def prepare(manifests: Sequence[Manifest], name: str | None) -> Prepared | Refusal:
    """The machine, resolved; or the operator's refusal.

    Raises:
        UserError: the files hold no machine, or several and `name` chooses none.
    """
    machine = _chosen(of_kind(manifests, Machine), name)
    namespace = machine.metadata.namespace or "default"
    machine = _in(machine, namespace)
    plant, assumed = _plant(of_kind(manifests, Plant), machine)
    profiles = [_in(profile, namespace) for profile in of_kind(manifests, MachineProfile)]
    contracts = [_in(contract, namespace) for contract in of_kind(manifests, DataContract)]
    resolved = judge(machine, plant, profiles, contracts)
    if isinstance(resolved, Refusal):
        return resolved
    content = wire.encode(build(resolved, LAPTOP))
    config = wire.decode(content)
    return Prepared(resolved, config.machines[0], config.hash, assumed)


def _chosen(machines: Sequence[Machine], name: str | None) -> Machine:
    found = [m for m in machines if name in (None, m.metadata.name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted(m.metadata.name for m in machines)) or "none"
    if found:
        raise UserError(f"-f: the files hold several machines ({names}); choose one with --machine")
    raise UserError(f"-f: the files hold no Machine{f' {name}' if name else ''}; they hold {names}")


def _in(obj: Object, namespace: str) -> Object:
    """The object in a namespace; one that names none goes to the machine's, as `kubectl apply -n` would have it."""
    if obj.metadata.namespace:
        return obj
    return obj.model_copy(update={"metadata": obj.metadata.model_copy(update={"namespace": namespace})})


def _plant(plants: Sequence[Plant], machine: Machine) -> tuple[Plant | None, tuple[str, ...]]:
    """The machine's plant, or one that stands in for it where the files hold none at all."""
    namespace = machine.metadata.namespace
    named = [_in(p, namespace) for p in plants if p.metadata.name == machine.spec.plant_ref.name]
    if plants:
        return next((p for p in named if p.metadata.namespace == namespace), None), ()
    location = machine.spec.location
    body = {
        "metadata": {"name": machine.spec.plant_ref.name, "namespace": namespace},
        "spec": {
            "enterprise": "not-given",
            "site": "not-given",
            "timeZone": "Etc/UTC",
            "areas": [{"name": location.area, "lines": [{"name": location.line}]}],
            "mes": {"sinks": [{"name": "none", "http": {"url": "http://192.0.2.1/"}}]},
            "network": {"egressCidrs": ["0.0.0.0/0", "::/0"]},
            "pseudonymisation": {"secretRef": {"name": "not-given"}},
        },
    }
    return Plant.model_validate(body), ("no Plant was given: location, networks and MES were not checked",)
