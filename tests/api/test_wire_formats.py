"""Operator, gateway and MES read what the others write."""

import msgspec
import pytest

from plantwright_api.wire import config, delivery

MACHINE = config.Machine(
    uid="u1",
    name="press-01",
    namespace="plant-a",
    plant="a",
    location=config.Location(enterprise="acme", site="a", area="forming", line="line-1"),
    source=config.ModbusSource(host="10.0.0.1"),
    contracts=[
        config.Contract(name="press", version="1.0.0", fields=[config.ContractField(name="force", type="Number")])
    ],
    signals=[
        config.Signal(
            name="force",
            contract="press",
            field="force",
            interval_ms=1000,
            modbus=config.ModbusAddress(table="HoldingRegister", address=0, type="Float32"),
        )
    ],
    sinks=[config.HttpSink(name="mes", url="http://mes:8080/v1/observations")],
    buffer=config.Buffer(path="/var/lib/plantwright/u1.db", max_bytes=1000),
)


def test_a_configuration_survives_the_file() -> None:
    written = config.encode(config.GatewayConfig(machines=[MACHINE]))
    read = config.decode(written)
    assert read.machines == [MACHINE]
    assert len(read.hash) == 16


def test_the_hash_covers_the_content_and_nothing_else() -> None:
    first = config.decode(config.encode(config.GatewayConfig(machines=[MACHINE])))
    again = config.decode(config.encode(first))
    other = config.GatewayConfig(machines=[msgspec.structs.replace(MACHINE, name="press-02")])
    assert again.hash == first.hash
    assert config.decode(config.encode(other)).hash != first.hash


def test_a_wrong_field_is_named() -> None:
    broken = config.encode(config.GatewayConfig(machines=[MACHINE])).replace(b'"intervalMs":1000', b'"intervalMs":"x"')
    with pytest.raises(msgspec.ValidationError, match=r"\$\.machines\[0\]\.signals\[0\]\.intervalMs"):
        config.decode(broken)


def test_padded_sequences_sort_as_numbers() -> None:
    assert sorted(map(delivery.pad, [10, 9, 1000])) == [delivery.pad(9), delivery.pad(10), delivery.pad(1000)]
