"""The HTTP sink against a real server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
from aiohttp import web

from plantwright_api.wire.config import HttpSink as Config
from plantwright_api.wire.config import MqttSink
from plantwright_gateway.ports.sink import Batch, BatchRefused, SinkUnavailable
from plantwright_gateway.sinks.http import client
from plantwright_gateway.sinks.http.client import HttpSink

RECEIPT = {"gatewayuid": "uid", "epoch": "epoch", "watermark": 9}


@pytest.fixture
async def make() -> AsyncIterator[Any]:
    made: list[HttpSink] = []

    def build(url: str, **more: Any) -> HttpSink:
        made.append(HttpSink(Config(name="mes", url=url, **more)))
        return made[-1]

    yield build
    for sink in made:
        await sink.close()


async def take(_request: web.Request) -> web.Response:
    return web.json_response(RECEIPT)


async def test_a_batch_is_posted_and_its_receipt_returned(serve: Any, make: Any, batch: Batch) -> None:
    seen: list[web.Request] = []
    bodies: list[bytes] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.read())
        return web.json_response(RECEIPT)

    sink = make(await serve(handler))
    for _ in range(3):
        assert (await sink.deliver(batch)).watermark == 9
    assert bodies[0] == batch.body
    assert seen[0].headers["Content-Type"] == "application/cloudevents-batch+json"
    assert "Authorization" not in seen[0].headers
    peers = {request.transport.get_extra_info("peername") if request.transport else None for request in seen}
    assert len(peers - {None}) <= 1, "the connection is kept"


async def test_the_token_is_sent_and_read_anew_when_it_changes(
    serve: Any, make: Any, batch: Batch, secrets: Any
) -> None:
    tokens: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        tokens.append(request.headers.get("Authorization", ""))
        return web.json_response(RECEIPT)

    sink = make(await serve(handler), token_secret="mes-token")
    with pytest.raises(SinkUnavailable, match=r"SecretNotFound.*mes-token.*token"):
        await sink.deliver(batch)
    secrets("mes-token", "token", "first\n")
    await sink.deliver(batch)
    secrets("mes-token", "token", "second")
    await sink.deliver(batch)
    assert tokens == ["Bearer first", "Bearer second"]


async def test_a_token_that_is_no_header_is_never_shown(serve: Any, make: Any, batch: Batch, secrets: Any) -> None:
    secrets("mes-token", "token", "geheim\r\nX-Evil: 1")
    sink = make(await serve(take), token_secret="mes-token")
    with pytest.raises(SinkUnavailable) as told:
        await sink.deliver(batch)
    assert "geheim" not in str(told.value)


async def test_only_the_plants_authority_is_trusted(
    serve: Any, make: Any, batch: Batch, secrets: Any, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    url = await serve(take, server_tls)
    with pytest.raises(SinkUnavailable, match="certificate is not trusted"):
        await make(url).deliver(batch)
    secrets("mes-ca", "ca.crt", trustme.CA().cert_pem.bytes().decode())
    sink = make(url, ca_secret="mes-ca")
    with pytest.raises(SinkUnavailable, match="certificate is not trusted"):
        await sink.deliver(batch)
    secrets("mes-ca", "ca.crt", authority.cert_pem.bytes().decode())
    assert (await sink.deliver(batch)).watermark == 9


async def test_a_certificate_for_another_name_is_refused(
    serve: Any, make: Any, batch: Batch, secrets: Any, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    secrets("mes-ca", "ca.crt", authority.cert_pem.bytes().decode())
    url = (await serve(take, server_tls)).replace("localhost", "127.0.0.1")
    with pytest.raises(SinkUnavailable, match="certificate is not trusted"):
        await make(url, ca_secret="mes-ca").deliver(batch)


@pytest.mark.parametrize("content", ["", "no certificate", "geheim \ud83d\ude00"])
async def test_an_authority_that_is_none_is_told(make: Any, batch: Batch, secrets: Any, content: str) -> None:
    secrets("mes-ca", "ca.crt", content.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    with pytest.raises(SinkUnavailable, match=r"mes-ca/ca\.crt holds no certificate"):
        await make("https://localhost:9/", ca_secret="mes-ca").deliver(batch)


async def test_redirects_are_not_followed(serve: Any, make: Any, batch: Batch) -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(RECEIPT)

    target = await serve(elsewhere)

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": target})

    with pytest.raises(SinkUnavailable, match="redirects are not followed"):
        await make(await serve(handler)).deliver(batch)
    assert asked == []


async def test_a_refusal_is_told_apart(serve: Any, make: Any, batch: Batch) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=422, text="field x")

    with pytest.raises(BatchRefused, match="field x"):
        await make(await serve(handler)).deliver(batch)


async def test_nobody_there(make: Any, batch: Batch) -> None:
    with pytest.raises(SinkUnavailable, match="cannot connect"):
        await make("http://127.0.0.1:9/").deliver(batch)


async def test_a_server_that_is_silent_or_never_ends_is_given_up(
    serve: Any, make: Any, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "READ_SECONDS", 0.2)
    monkeypatch.setattr(client, "TOTAL_SECONDS", 0.5)

    async def silent(_request: web.Request) -> web.Response:
        await asyncio.sleep(2)
        return web.Response()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        except ConnectionError:
            return response

    with pytest.raises(SinkUnavailable, match="no answer in time"):
        await make(await serve(silent)).deliver(batch)
    with pytest.raises(SinkUnavailable, match="longer than"):
        await make(await serve(endless)).deliver(batch)


@pytest.mark.parametrize("config", [Config(name="m", url="ftp://x/"), MqttSink(name="m", url="mqtt://x")])
def test_what_is_no_http_sink_is_refused_at_once(config: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="m"):
        HttpSink(config)


async def test_a_client_certificate_is_shown_and_a_renewed_one_taken_up(
    serve: Any, make: Any, batch: Batch, secrets: Any, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    callers: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        callers.append(request.transport.get_extra_info("peercert")["subject"][-1][0][1])
        return web.json_response(RECEIPT)

    server_tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server_tls)
    url = await serve(handler, server_tls)
    secrets("mes-ca", "ca.crt", authority.cert_pem.bytes().decode())
    with pytest.raises(SinkUnavailable):
        await make(url, ca_secret="mes-ca").deliver(batch)
    sink = make(url, ca_secret="mes-ca", certificate_secret="client")
    with pytest.raises(SinkUnavailable, match=r"SecretNotFound.*client.*tls\.crt"):
        await sink.deliver(batch)
    for name in ("first", "second"):
        pair = authority.issue_cert(f"{name}@acme.example", common_name=name)
        secrets("client", "tls.key", pair.private_key_pem.bytes().decode())
        secrets("client", "tls.crt", pair.cert_chain_pems[0].bytes().decode())
        await sink.deliver(batch)
        await sink.deliver(batch)
    assert callers == ["first", "first", "second", "second"]
    secrets("client", "tls.key", authority.issue_cert("x@acme.example").private_key_pem.bytes().decode())
    with pytest.raises(SinkUnavailable, match=r"Secret client: tls\.crt and tls\.key are no pair"):
        await sink.deliver(batch)
