"""A proxy between one operator and the API server that breaks what a real one breaks now and then.

The operator speaks plain HTTP to the proxy (`kubeconfig` says where), the proxy TLS to the API server as the user of the
kubeconfig it was given. Nothing is broken until a test says so; each fault stays until `mend` or until it is used up:

- `cut_after(count, then)`: the count-th write from now on is carried out by the API server, `then` is called (to kill the
  operator), nothing is answered, and no later request gets through until `mend`. One write passes at a time.
- `refuse(share, statuses)`: this share of requests is answered with one of these instead of being passed on; 429 and 503
  name Retry-After, 0 breaks the connection. `writes_only` spares reads and watches. The Lease can be spared too.
- `swallow(plural, count)`: the next events of this plural's watch never arrive; the stream goes on after them.
- `idle(plural)`: streams of this plural stay open and tell nothing more; new ones work.
- `fail_watch(plural, code)`: each open stream of this plural gets an ERROR event with this code and ends.
- `record()` keeps each list that passes; `replay(seconds)` answers with the kept ones instead, once per path, and holds the
  events of watches back for so long. Lists of metadata alone are never old: some answer must be consistent, as the API
  server promises of every list, or nobody could know anything.

`requests` is the log: every request with the time (monotonic) and the answer's status, 0 where there was none.
"""

import asyncio
import contextlib
import json
import random
import ssl
import tempfile
import time
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
HOP_BY_HOP = frozenset({"connection", "content-length", "transfer-encoding", "host", "accept-encoding", "keep-alive"})
RETRY_AFTER = "1"


@dataclass
class Request:
    """One request that reached the proxy."""

    at: float
    method: str
    path: str
    status: int = 0

    @property
    def is_write(self) -> bool:
        return self.method in WRITES and "/leases" not in self.path

    @property
    def is_lease(self) -> bool:
        return "/leases" in self.path


@dataclass
class Refusals:
    """Which share of requests is refused, and how."""

    share: float
    statuses: tuple[int, ...]
    writes_only: bool
    spare_lease: bool

    def status(self, request: Request) -> int | None:
        """The status to refuse this request with; None lets it pass."""
        if (self.writes_only and request.method not in WRITES) or (self.spare_lease and request.is_lease):
            return None
        return random.choice(self.statuses) if random.random() < self.share else None


@dataclass(eq=False)
class Stream:
    """An open watch. `failure` is the code of the ERROR event that ends it."""

    plural: str
    idle: bool = False
    failure: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ApiProxy:
    """See the module. `start` before use, `stop` afterwards."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        content = yaml.safe_load(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._server: str = cluster["server"]
        self._tls = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
            pem.flush()
            self._tls.load_cert_chain(pem.name)
        self.kubeconfig = folder / "through-proxy.yaml"
        self.requests: list[Request] = []
        self.cut_requests: list[Request] = []
        self._streams: set[Stream] = set()
        self._swallowed: Counter[str] = Counter()
        self._refusals: Refusals | None = None
        self._cut: tuple[int, Callable[[], object]] | None = None
        self._dead = False
        self._gate = asyncio.Lock()
        self._kept: dict[tuple[str, str], bytes] | None = None
        self._replayed: dict[tuple[str, str], bytes] = {}
        self._held_until = 0.0

    async def start(self) -> None:
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=2**20)
        port = self._runner.addresses[0][1]
        self.kubeconfig.write_text(_kubeconfig(f"http://127.0.0.1:{port}"))

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()
        await asyncio.sleep(0.3)  # TLS connections say good-bye after close() has returned

    # -- faults --------------------------------------------------------------------------------------------------------

    def mend(self) -> None:
        """No fault from now on. What watches did not tell stays untold."""
        self._refusals, self._cut, self._dead, self._held_until = None, None, False, 0.0
        self._swallowed.clear()
        self._replayed.clear()
        self._kept = None

    def cut_after(self, count: int, then: Callable[[], object]) -> None:
        self._cut = (count, then)

    def refuse(
        self, share: float, statuses: tuple[int, ...], *, writes_only: bool = False, spare_lease: bool = False
    ) -> None:
        self._refusals = Refusals(share, statuses, writes_only, spare_lease)

    def swallow(self, plural: str, count: int = 1) -> None:
        self._swallowed[plural] += count

    def swallowing(self, plural: str) -> int:
        """How many events of this plural are still to be swallowed."""
        return self._swallowed[plural]

    def idle(self, plural: str) -> None:
        for stream in self._streams:
            stream.idle |= stream.plural == plural

    def fail_watch(self, plural: str, code: int) -> None:
        for stream in self._streams:
            if stream.plural == plural and not stream.failure.done():
                stream.failure.set_result(code)

    def record(self) -> None:
        self._kept = {}

    def replay(self, seconds: float) -> int:
        """Returns how many lists are kept."""
        self._replayed, self._kept = self._kept or {}, None
        self._held_until = time.monotonic() + seconds
        return len(self._replayed)

    # -- what was seen -------------------------------------------------------------------------------------------------

    def since(self, at: float) -> list[Request]:
        """Requests from this monotonic time on, the Lease's left out."""
        return [request for request in self.requests if request.at >= at and not request.is_lease]

    def writes(self, at: float = 0.0) -> list[Request]:
        """Writes from this monotonic time on, the Lease's left out."""
        return [request for request in self.since(at) if request.is_write]

    # -- one request ---------------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        seen = Request(time.monotonic(), request.method, request.path)
        self.requests.append(seen)
        body = await request.read()
        status = self._refusals.status(seen) if self._refusals else None
        if status is not None:
            seen.status = status
            return _refusal(status) if status else _hang_up(request)
        if "watch" in request.query:
            return await self._watch(request, seen)
        if seen.is_write and (self._cut or self._dead):
            async with self._gate:
                return await self._pass_or_cut(request, seen, body)
        if self._dead:
            _hang_up(request)
        return await self._pass(request, seen, body)

    async def _pass_or_cut(self, request: web.Request, seen: Request, body: bytes) -> web.StreamResponse:
        if self._dead or self._cut is None:
            _hang_up(request)
        assert self._cut is not None
        left, then = self._cut
        response = await self._pass(request, seen, body)
        self._cut = (left - 1, then)
        if left <= 1:
            self._dead, self._cut = True, None
            self.cut_requests.append(seen)
            then()
            _hang_up(request)
        return response

    async def _pass(self, request: web.Request, seen: Request, body: bytes) -> web.Response:
        name = (request.raw_path.split("&continue")[0], request.headers.get("Accept", ""))
        if request.method == "GET" and name in self._replayed:
            seen.status = 200
            return web.Response(body=self._replayed.pop(name), content_type="application/json")
        async with self._upstream(request, body) as answer:
            content = await answer.read()
            seen.status = answer.status
            is_list = request.method == "GET" and b'List"' in content[:200] and "as=" not in name[1]
            if self._kept is not None and is_list:
                self._kept.setdefault(name, content)
            headers = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP}
            return web.Response(status=answer.status, body=content, headers=headers)

    def _upstream(self, request: web.Request, body: bytes | None) -> Any:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        url = URL(self._server + request.raw_path, encoded=True)
        return self._session.request(request.method, url, data=body or None, headers=headers)

    # -- watches -------------------------------------------------------------------------------------------------------

    async def _watch(self, request: web.Request, seen: Request) -> web.StreamResponse:
        stream = Stream(request.path.rstrip("/").rsplit("/", 1)[1])
        async with self._upstream(request, None) as answer:
            seen.status = answer.status
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
            await response.prepare(request)
            self._streams.add(stream)
            try:
                with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                    await self._relay(stream, answer, response)
            finally:
                self._streams.discard(stream)
            with contextlib.suppress(ConnectionError):
                await response.write_eof()
            return response

    async def _relay(self, stream: Stream, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        """Pass events on until the watch ends by itself or by a fault."""
        lines = _lines(answer)
        while True:
            line = asyncio.ensure_future(anext(lines, None))
            await asyncio.wait({line, stream.failure}, return_when=asyncio.FIRST_COMPLETED)
            if stream.failure.done():
                line.cancel()
                await response.write(_error_event(stream.failure.result()))
                return
            event = line.result()
            if event is None:
                return
            await asyncio.sleep(max(0.0, self._held_until - time.monotonic()))
            if not stream.idle and not self._is_swallowed(stream.plural, event):
                await response.write(event)

    def _is_swallowed(self, plural: str, event: bytes) -> bool:
        if self._swallowed[plural] <= 0 or b'"type":"BOOKMARK"' in event[:40]:
            return False
        self._swallowed[plural] -= 1
        return True


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Events of a watch, one line each, of any length."""
    rest = b""
    async for piece in answer.content.iter_any():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"


def _hang_up(request: web.Request) -> NoReturn:
    """Break the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise asyncio.CancelledError


def _status(code: int) -> dict[str, Any]:
    reasons = {409: "Conflict", 410: "Expired", 422: "Invalid", 429: "TooManyRequests", 503: "ServiceUnavailable"}
    kind = {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure"}
    return {**kind, "message": "by the proxy", "reason": reasons.get(code, "InternalError"), "code": code}


def _error_event(code: int) -> bytes:
    return json.dumps({"type": "ERROR", "object": _status(code)}).encode() + b"\n"


def _refusal(code: int) -> web.Response:
    headers = {"Retry-After": RETRY_AFTER} if code in (429, 503) else {}
    return web.json_response(_status(code), status=code, headers=headers)


def _kubeconfig(server: str) -> str:
    """A kubeconfig without credentials: the proxy has them."""
    named = {"name": "proxy"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{**named, "cluster": {"server": server}}],
        "users": [{**named, "user": {"token": "none"}}],
        "contexts": [{**named, "context": {"cluster": "proxy", "user": "proxy"}}],
        "current-context": "proxy",
    }
    return json.dumps(content)
