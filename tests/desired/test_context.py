"""What a gateway is told of orders, persons and clocks."""

from collections.abc import Callable
from typing import Any

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_api.wire.config import Context, ContextSignals, HttpSchedule, MqttSchedule
from plantwright_api.wire.config import Machine as MachineConfig
from plantwright_operator.decide import machines
from plantwright_operator.desired import config, network
from plantwright_operator.model import Facts, Resolved

Raw = Callable[..., dict[str, Any]]
SINK = {"name": "mes", "http": {"url": "https://10.9.0.1/v1"}}
ORDERS = {
    "url": "https://10.9.0.7:8443/v1/schedule",
    "tokenSecretRef": {"name": "orders"},
    "caSecretRef": {"name": "authority"},
}


def resolved(raw: Raw, told: dict[str, str] | None = None, **plant: Any) -> Resolved:
    judged = machines.judge(
        Machine.model_validate(raw("Machine")),
        Plant.model_validate(raw("Plant", **{"mes": {"sinks": [SINK]}, **plant})),
        [MachineProfile.model_validate(raw("MachineProfile", **({"context": told} if told else {})))],
        [DataContract.model_validate(raw("DataContract"))],
    )
    assert isinstance(judged, Resolved)
    return judged


def built(found: Resolved) -> MachineConfig:
    return config.build(found, Facts("uid", "gateway:1", "IfNotPresent", "plantwright-system")).machines[0]


def test_a_plant_that_says_nothing_keeps_the_configuration_that_it_had(raw: Raw) -> None:
    assert built(resolved(raw)).context is None


def test_where_orders_come_from_is_told_mounted_and_let_through(raw: Raw) -> None:
    found = resolved(raw, mes={"sinks": [SINK], "schedule": {"http": ORDERS}})
    assert built(found).context == Context(
        schedule=HttpSchedule(url=ORDERS["url"], token_secret="orders", ca_secret="authority")
    )
    assert {"orders", "authority"} <= set(config.secrets(found))
    assert ("10.9.0.7", 8443) in network.services(found)


def test_orders_heard_at_a_broker(raw: Raw) -> None:
    heard = {"url": "mqtts://10.9.0.8", "topicPrefix": "uns", "credentialsSecretRef": {"name": "reader"}}
    found = resolved(raw, mes={"sinks": [SINK], "schedule": {"mqtt": heard}})
    assert built(found).joined.schedule == MqttSchedule(
        url="mqtts://10.9.0.8", topic_prefix="uns", credentials_secret="reader"
    )
    assert "reader" in config.secrets(found)
    assert ("10.9.0.8", 8883) in network.services(found)


def test_signals_of_the_context_and_the_clocks_tolerance(raw: Raw) -> None:
    name = resolved(raw).profile.spec.signals[0].name
    found = resolved(raw, {"person": name, "serialNumber": name}, context={"clockToleranceMilliseconds": 500})
    joined = built(found).joined
    assert joined.signals == ContextSignals(person=name, serial_number=name)
    assert joined.clock_tolerance_ms == 500


def test_the_key_is_mounted_for_persons_alone(raw: Raw) -> None:
    key = {"secretRef": {"name": "pseudonyms"}}
    assert "pseudonyms" not in config.secrets(resolved(raw, pseudonymisation=key))
    found = resolved(raw, pseudonymisation=key, context={"pseudonymisePersons": True})
    assert "pseudonyms" in config.secrets(found)
    assert built(found).joined.pseudonymise_persons
