"""Certificates in use are told: their end in metrics and status, their PEM for whoever has to trust them, never a key."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from plantwright_api.wire.config import HttpSink, MqttSink
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.app.server import serve
from plantwright_gateway.ports.source import Certificate

METRIC = "plantwright_certificate_expiry_timestamp_seconds{"


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`mounted(days)`: Secrets `client` and `ca`, of which the first ends in so many days."""
    monkeypatch.setenv("PLANTWRIGHT_SECRETS_DIR", str(tmp_path / "secrets"))
    authority = trustme.CA()

    def mount(days: int) -> datetime:
        end = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
        pair = authority.issue_cert("gateway@acme.example", not_after=end)
        for name, pem in {
            "client/tls.crt": pair.cert_chain_pems[0].bytes(),
            "client/tls.key": pair.private_key_pem.bytes(),
            "ca/ca.crt": authority.cert_pem.bytes(),
        }.items():
            path = tmp_path / "secrets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".new").write_bytes(pem)
            os.replace(path.with_suffix(".new"), path)
        return end

    return mount


def ends(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line.startswith(METRIC)]
    return {line.split('use="')[1].split('"')[0]: float(line.split()[-1]) for line in lines}


async def test_the_end_of_sinks_certificates_is_told_and_follows_a_renewal(bench: Any, mounted: Any) -> None:
    end = mounted(10)
    secrets = {"ca_secret": "ca", "certificate_secret": "client"}
    sinks = [
        HttpSink(name="mes", url="https://127.0.0.1:9/v1", **secrets),
        MqttSink(name="uns", url="mqtts://127.0.0.1:9", **secrets),
    ]
    gateway = await bench.start(bench.machine(sinks=sinks))
    metrics = Metrics(gateway)
    told = ends(metrics.render().decode())
    assert set(told) == {"SinkClient", "SinkAuthority"}
    assert told["SinkClient"] == end.timestamp()
    status = {each.use: each for each in gateway.status().machines[0].certificates}
    assert (status["SinkClient"].ends_soon, status["SinkAuthority"].ends_soon) == (True, False)
    assert status["SinkClient"].secret == "client"
    later = mounted(60)
    assert ends(metrics.render().decode())["SinkClient"] == later.timestamp()
    assert not any(each.ends_soon for each in gateway.status().machines[0].certificates)


async def test_what_a_source_shows_can_be_fetched_without_a_key(bench: Any, eventually: Any) -> None:
    gateway = await bench.start(bench.machine())
    await eventually(lambda: bench.runtime.receiver)
    receiver = bench.runtime.receiver
    shown = Certificate("Server", "CN=lathe", "AA:BB", "CC", 1_800_000_000_000_000_000, "-----BEGIN CERTIFICATE-----\n")
    receiver.certificates([shown])
    server, port = await serve(gateway, 0)
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/certificates") as answer:
        text = await answer.text()
    await server.cleanup()
    assert answer.status == 200
    assert "Server\n# subject: CN=lathe\n# ends: 2027-01-15T08:00:00Z\n# SHA-256: AA:BB\n" in text
    assert "BEGIN CERTIFICATE" in text
    assert ends(Metrics(gateway).render().decode()) == {"Server": 1_800_000_000.0}
