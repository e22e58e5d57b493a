"""The OPC UA server as a client sees it: security, one source time per tick, every number in the ledger once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from plantwright_shopfloor import certificates
from plantwright_shopfloor.config import FloorConfig, MachineConfig
from plantwright_shopfloor.floor import Floor, running
from plantwright_shopfloor.ledger import Offer, read
from plantwright_shopfloor.opcua import NAMESPACE, VARIABLES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    certificates.write_all(folder, ["cell-01"], "shopfloor", "plant", datetime.now(UTC))
    return folder


@pytest.fixture
async def floor(tmp_path: Path, keys: Path) -> AsyncIterator[Floor]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    machine = MachineConfig(name="cell-01", protocol="OPCUA", port=port, tick_milliseconds=100)
    config = FloorConfig(
        machines=[machine], host="127.0.0.1", ledger_dir=str(tmp_path), certificates=str(keys), pace=50.0
    )
    async with running(config) as floor:
        yield floor


class Notices:
    def __init__(self) -> None:
        self.numbers: list[tuple[int, int]] = []

    def datachange_notification(self, _node: Any, value: int, data: Any) -> None:
        time = data.monitored_item.Value.SourceTimestamp.replace(tzinfo=UTC)
        since = time - datetime(1970, 1, 1, tzinfo=UTC)
        self.numbers.append((value, ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000))


def offers(floor: Floor) -> list[Offer]:
    ledger = floor.machines["cell-01"].ledger
    ledger.flush()
    return read(ledger.path.read_bytes().splitlines()).get("cell-01", [])


async def secured(floor: Floor, keys: Path) -> Client:
    client = Client(f"opc.tcp://127.0.0.1:{floor.machines['cell-01'].station.describe()['port']}/")
    client.application_uri = certificates.CLIENT_URI
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        certificate=CertProperties(keys / "client" / "tls.crt", "pem"),
        private_key=CertProperties(keys / "client" / "tls.key", "pem"),
        server_certificate=CertProperties(keys / "cell-01" / "tls.crt", "pem"),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    return client


async def test_each_number_is_notified_once_with_the_ledgers_time(floor: Floor, keys: Path) -> None:
    notices = Notices()
    async with await secured(floor, keys) as client:
        index = await client.get_namespace_index(NAMESPACE)
        subscription = await client.create_subscription(50, notices)
        node = client.get_node(f"ns={index};s=Cell.sequence")
        await subscription.subscribe_data_change(node, queuesize=100)
        await asyncio.sleep(1.5)
    seen = [Offer(*notice) for notice in notices.numbers]
    ledger = offers(floor)
    assert len(seen) > 8
    assert seen == [offer for offer in ledger if seen[0].number <= offer.number <= seen[-1].number]
    assert ledger[0].number == 1


async def test_variables_share_the_ticks_source_time(floor: Floor, keys: Path) -> None:
    async with await secured(floor, keys) as client:
        index = await client.get_namespace_index(NAMESPACE)
        nodes = [client.get_node(f"ns={index};s=Cell.{name}") for name in VARIABLES]
        values = await client.uaclient.read_attributes([node.nodeid for node in nodes], ua.AttributeIds.Value)
    assert [value.Value.VariantType for value in values] == list(VARIABLES.values())
    assert len({value.SourceTimestamp for value in values}) <= 2


async def test_pause_freezes_and_stop_offers_nothing(floor: Floor, keys: Path) -> None:
    station = floor.machines["cell-01"].station
    station.pause()
    await asyncio.sleep(0.15)
    frozen = len(offers(floor))
    async with await secured(floor, keys) as client:
        assert (await client.nodes.server_state.read_value()) == ua.ServerState.Running
    await asyncio.sleep(0.3)
    assert len(offers(floor)) == frozen
    station.resume()
    await asyncio.sleep(0.3)
    assert len(offers(floor)) > frozen
    await station.stop()
    stopped = len(offers(floor))
    await asyncio.sleep(0.3)
    assert len(offers(floor)) == stopped
    await station.start()
    async with await secured(floor, keys):
        pass


async def test_clear_text_is_not_offered(floor: Floor) -> None:
    port = floor.machines["cell-01"].station.describe()["port"]
    endpoints = await Client(f"opc.tcp://127.0.0.1:{port}/").connect_and_get_server_endpoints()
    assert {endpoint.SecurityMode for endpoint in endpoints} == {ua.MessageSecurityMode.SignAndEncrypt}
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        await Client(f"opc.tcp://127.0.0.1:{port}/", timeout=2).connect()


async def test_a_stranger_is_refused(floor: Floor, keys: Path, tmp_path: Path) -> None:
    certificates.write_all(tmp_path / "other", [], "x", "y", datetime.now(UTC))
    client = await secured(floor, keys)
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        certificate=CertProperties(tmp_path / "other" / "client" / "tls.crt", "pem"),
        private_key=CertProperties(tmp_path / "other" / "client" / "tls.key", "pem"),
        server_certificate=CertProperties(keys / "cell-01" / "tls.crt", "pem"),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        await client.connect()


def test_certificates_fit_their_keys_and_carry_names(keys: Path) -> None:
    certificate = load_pem_x509_certificate((keys / "cell-01" / "tls.crt").read_bytes())
    key = load_pem_private_key((keys / "cell-01" / "tls.key").read_bytes(), None)
    assert certificate.public_key() == key.public_key()
    assert (keys / "cell-01" / "tls.key").stat().st_mode & 0o077 == 0
    manifest = (keys / "secrets.yaml").read_text()
    assert manifest.count("kind: Secret") == 3
    assert "cell-01.shopfloor.svc" in certificates.server_hosts("cell-01", "shopfloor")
