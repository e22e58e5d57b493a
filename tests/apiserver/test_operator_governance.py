"""Policies and contracts that build on contracts, as the operator holds machines to them on a real API server."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

SERIAL = {
    "owner": {"team": "Platform"},
    "rules": [
        {
            "name": "serial-number",
            "kinds": ["Machine"],
            "expression": "has(object.spec.asset) && has(object.spec.asset.serialNumber)",
            "message": "spec.asset.serialNumber: say which machine this is",
        }
    ],
}


async def put(world: Any, plural: str, kind: str, name: str, spec: dict[str, Any]) -> None:
    body = {"apiVersion": "plantwright.io/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": world.name}}
    path = f"{world.path(plural, name)}?fieldManager=person&force=true"
    await world.api.call("PATCH", path, {**body, "spec": spec}, "application/apply-patch+yaml")


async def test_what_a_policy_refuses_does_not_start_and_what_runs_goes_on(
    world: Any, node: Any, start_operator: Callable[..., Any], eventually: Any
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await put(world, "governancepolicies", "GovernancePolicy", "identity", SERIAL)
    await eventually(lambda: world.has_reason("PolicyViolated"), 20)
    ready = await world.condition("Ready")
    assert "spec.asset.serialNumber: say which machine this is" in ready["message"]
    assert "owner of the policy: Platform" in ready["message"]
    assert (await world.condition("Ready", "identity", "governancepolicies"))["status"] == "True"
    assert len(await world.list("pods")) == 1, "what runs goes on"
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"})
    await eventually(lambda: world.has_reason("PolicyViolated", "press-2"), 20)
    assert len(await world.list("statefulsets")) == 1, "nothing was started"
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"}, asset={"serialNumber": "P-2"})
    await world.ready("press-2")
    assert (await world.condition("PolicyMet", "press-2"))["reason"] == "AllRulesHold"
    excuse = {
        "name": "old-press",
        "rule": "serial-number",
        "kind": "Machine",
        "names": ["press-1"],
        "owner": {"team": "Pressing"},
        "reason": "its plate is worn off",
        "expires": "2999-12-31",
    }
    await put(world, "governancepolicies", "GovernancePolicy", "identity", {**SERIAL, "exceptions": [excuse]})
    await world.ready()
    assert (await world.condition("PolicyMet"))["reason"] == "Excused"


async def test_a_policy_that_cannot_judge_says_so_and_lets_nothing_through(
    world: Any, start_operator: Callable[..., Any], eventually: Any
) -> None:
    await start_operator()
    await world.base()
    rule = {**SERIAL["rules"][0], "expression": "object.spec.assett.serialNumber != ''"}
    await put(world, "governancepolicies", "GovernancePolicy", "identity", {**SERIAL, "rules": [rule]})
    await eventually(lambda: world.has_reason("InvalidSpec", "identity", "governancepolicies"), 20)
    message = (await world.condition("Ready", "identity", "governancepolicies"))["message"]
    assert "spec.rules[serial-number].expression" in message
    assert "assett" in message
    await world.apply("Machine")
    await eventually(lambda: world.has_reason("PolicyViolated"), 20)
    assert not await world.list("statefulsets")


async def test_a_machine_is_held_to_what_its_contract_inherits(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str, eventually: Any
) -> None:
    await start_operator()
    await world.base()
    base = world.raw("DataContract")["spec"]
    await put(world, "datacontracts", "DataContract", "corporate", {**base, "name": "corporate"})
    field = {"name": "temperature", "type": "Number", "maximum": "60"}
    site = {"name": "machine-state", "version": "1.1.0", "extends": {"name": "corporate"}, "fields": [field]}
    await put(world, "datacontracts", "DataContract", "machine-state-1.1.0", site)
    await world.apply("Machine")
    await world.ready()
    contract = node.gateway(namespace, "press-1").config["machines"][0]["contracts"][0]
    fields = {found["name"]: found for found in contract["fields"]}
    assert (contract["version"], sorted(fields)) == ("1.1.0", ["state", "temperature"])
    assert (fields["temperature"]["minimum"], fields["temperature"]["maximum"]) == (-20, 60)
    loose = {**site, "fields": [{**field, "maximum": "100"}]}
    await put(world, "datacontracts", "DataContract", "machine-state-1.1.0", loose)
    await eventually(lambda: world.has_reason("InvalidSpec"), 20)
    message = (await world.condition("Ready"))["message"]
    assert "spec.fields[temperature].maximum: 100 loosens corporate 1.0.0, which says 90.5" in message
    assert (await world.condition("Ready", "machine-state-1.1.0", "datacontracts"))["reason"] == "InvalidSpec"
    assert len(await world.list("pods")) == 1, "what runs goes on"
