"""Bits of a register as one number: from the profile through the wire configuration to the value."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_api.wire.config import ModbusAddress
from plantwright_gateway.sources.modbus.decode import decoder, width
from plantwright_operator.decide.machines import judge
from plantwright_operator.desired import config
from plantwright_operator.model import Facts, Resolved

REGISTER = 0b1011_0110_0101_1100
RANGES = st.integers(0, 15).flatmap(lambda first: st.tuples(st.just(first), st.integers(1, 16 - first)))


def read(register: int, first: int, count: int, order: Any = "BigEndian") -> Any:
    address = ModbusAddress(
        table="HoldingRegister", address=0, type="UInt16", bit=first, bit_count=count, byte_order=order
    )
    assert width(address) == 1
    block = b"\xff\xff" + register.to_bytes(2, "big" if order == "BigEndian" else "little")
    return decoder(address)(block, 2)


@pytest.mark.parametrize(
    ("first", "count", "value"), [(0, 4, 0b1100), (4, 4, 0b0101), (8, 5, 0b1_0110), (15, 1, 1), (0, 16, REGISTER)]
)
@pytest.mark.parametrize("order", ["BigEndian", "LittleEndian"])
def test_reads_the_range(first: int, count: int, value: int, order: str) -> None:
    assert read(REGISTER, first, count, order) == value


@given(st.integers(0, 0xFFFF), RANGES)
def test_is_what_its_bits_say(register: int, place: tuple[int, int]) -> None:
    first, count = place
    bits = "".join("1" if register >> bit & 1 else "0" for bit in range(first + count - 1, first - 1, -1))
    assert read(register, first, count) == int(bits, 2)


def test_the_profile_reaches_the_wire(raw: Callable[..., dict[str, Any]]) -> None:
    signal = {"name": "state", "modbus": {"address": 7, "bits": {"first": 8, "count": 5}}}
    found = judge(
        Machine.model_validate(raw("Machine")),
        Plant.model_validate(raw("Plant")),
        [MachineProfile.model_validate(raw("MachineProfile", signals=[signal]))],
        [DataContract.model_validate(raw("DataContract"))],
    )
    assert isinstance(found, Resolved)
    facts = Facts(
        gateway_uid="uid", default_image="gateway:1", pull_policy="IfNotPresent", operator_namespace="plantwright"
    )
    address = config.build(found, facts).machines[0].signals[0].modbus
    assert address == ModbusAddress(table="HoldingRegister", address=7, type="UInt16", bit=8, bit_count=5)
