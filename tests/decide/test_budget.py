"""Who may read a device, and how many requests a machine needs."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_operator.decide import budget
from plantwright_operator.decide.budget import Claim, Grant
from plantwright_operator.decide.machines import judge
from plantwright_operator.model import Key, Refusal, Resolved

DEVICE = "10.2.3.4:502"


def claim(name: str, created: str = "2026-01-01T00:00:00Z", **fields: Any) -> Claim:
    defaults: dict[str, Any] = {"incumbent": False, "rate": 1.0, "max_sessions": 2, "max_rate": None}
    return Claim(Key("Machine", "n", name), created, **{**defaults, **fields})


def admitted(*claims: Claim) -> list[str]:
    return [c.key.name for c in claims if isinstance(budget.judge(c.key, DEVICE, claims), Grant)]


def test_the_oldest_win() -> None:
    claims = [
        claim("a", "2026-01-03T00:00:00Z"),
        claim("b", "2026-01-01T00:00:00Z"),
        claim("c", "2026-01-02T00:00:00Z"),
    ]
    assert admitted(*claims) == ["b", "c"]


def test_names_decide_between_machines_of_one_second() -> None:
    assert admitted(claim("c"), claim("a"), claim("b")) == ["a", "b"]


def test_who_reads_already_is_not_pushed_out_by_an_older_machine() -> None:
    running = [claim("y", "2026-02-01T00:00:00Z", incumbent=True), claim("z", "2026-02-02T00:00:00Z", incumbent=True)]
    assert admitted(claim("a"), *running) == ["y", "z"]


def test_the_lowest_limit_of_all_who_read_holds() -> None:
    assert admitted(claim("a", max_sessions=5), claim("b", max_sessions=1), claim("c", max_sessions=5)) == ["a", "c"]


def test_requests_are_summed_and_shared() -> None:
    claims = [claim(n, rate=4.0, max_rate=10, max_sessions=9) for n in "abc"]
    assert admitted(*claims) == ["a", "b"]
    assert budget.judge(claims[0].key, DEVICE, claims) == Grant(5)


def test_one_machine_that_asks_too_much_alone_is_refused_with_figures() -> None:
    found = budget.judge(Key("Machine", "n", "a"), DEVICE, [claim("a", rate=25.0, max_rate=10)])
    assert isinstance(found, Refusal)
    assert found.reason == "EndpointBudgetExceeded"
    assert "10.2.3.4:502 takes 10 requests per second" in found.message
    assert "this machine needs 25.0" in found.message


def test_the_message_names_who_has_the_sessions() -> None:
    claims = [claim("a"), claim("b"), claim("c")]
    found = budget.judge(claims[2].key, DEVICE, claims)
    assert isinstance(found, Refusal)
    assert "n/a, n/b" in found.message


claims_of_one_device = st.lists(
    st.builds(
        claim,
        name=st.text("abcdefgh", min_size=1, max_size=3),
        created=st.sampled_from(["2026-01-01", "2026-01-02", "2026-01-03"]),
        incumbent=st.booleans(),
        rate=st.floats(0.1, 20),
        max_sessions=st.integers(1, 5),
        max_rate=st.none() | st.integers(1, 40),
    ),
    max_size=8,
    unique_by=lambda c: c.key,
)


@given(claims_of_one_device, st.randoms())
def test_limits_hold_whatever_the_order(claims: list[Claim], random: Any) -> None:
    found = admitted(*claims)
    shuffled = random.sample(claims, len(claims))
    assert sorted(found) == sorted(admitted(*shuffled))
    inside = [c for c in claims if c.key.name in found]
    if inside:
        assert len(inside) <= min(c.max_sessions for c in inside)
        limits = [c.max_rate for c in inside if c.max_rate is not None]
        assert not limits or sum(c.rate for c in inside) <= min(limits)


def resolved(raw: Callable[..., dict[str, Any]], **profile: Any) -> Resolved:
    protocol = profile.get("protocol", "ModbusTCP")
    url = "modbus+tcp://10.2.3.4" if protocol == "ModbusTCP" else "opc.tcp://10.2.3.4"
    fields = [{"name": s["name"], "type": "Number"} for s in profile["signals"]]
    found = judge(
        Machine.model_validate(raw("Machine", endpoint={"url": url})),
        Plant.model_validate(raw("Plant")),
        [MachineProfile.model_validate(raw("MachineProfile", **profile))],
        [DataContract.model_validate(raw("DataContract", fields=fields))],
    )
    assert isinstance(found, Resolved), found
    return found


def modbus(*addresses: tuple[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": f"s{i}x", "modbus": {"address": address, **extra.get("modbus", {})}, **extra.get("signal", {})}
        for i, (address, extra) in enumerate(addresses)
    ]


@pytest.mark.parametrize(
    ("profile", "rate"),
    [
        pytest.param({"signals": modbus((0, {}), (1, {}), (16, {}))}, 1.0, id="near addresses are one request"),
        pytest.param({"signals": modbus((0, {}), (40, {}))}, 2.0, id="far addresses are two"),
        pytest.param(
            {"signals": modbus((0, {}), (5, {})), "modbus": {"maxGapRegisters": 0}}, 2.0, id="no gap may be read"
        ),
        pytest.param({"signals": modbus((0, {}), (1, {"modbus": {"table": "InputRegister"}}))}, 2.0, id="tables apart"),
        pytest.param({"signals": modbus((0, {}), (1, {"modbus": {"unitId": 9}}))}, 2.0, id="units apart"),
        pytest.param(
            {"signals": modbus((0, {}), (1, {"signal": {"intervalMilliseconds": 100}}))}, 11.0, id="intervals apart"
        ),
        pytest.param(
            {"signals": modbus(*((n * 4, {"modbus": {"type": "Float64"}}) for n in range(40)))}, 2.0, id="125 at most"
        ),
        pytest.param(
            {
                "protocol": "OPCUA",
                "signals": [{"name": f"s{n}x", "opcua": {"nodeId": f"i={n}"}} for n in range(30)],
                "acquisition": {"publishingIntervalMilliseconds": 250},
            },
            4.0,
            id="a subscription is asked at its publishing interval",
        ),
        pytest.param(
            {
                "protocol": "OPCUA",
                "signals": [{"name": f"s{n}x", "opcua": {"nodeId": f"i={n}"}} for n in range(30)],
                "acquisition": {"mode": "Read", "maxItemsPerRequest": 10, "intervalMilliseconds": 500},
            },
            6.0,
            id="reads of ten nodes",
        ),
    ],
)
def test_request_rate(raw: Callable[..., dict[str, Any]], profile: dict[str, Any], rate: float) -> None:
    found = resolved(raw, **profile)
    assert budget.request_rate(found.profile.spec, found.signals) == pytest.approx(rate)
