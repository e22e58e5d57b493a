"""Lists and watches of the API server, with the pod's own token. Reads only.

aiohttp by itself: the client library would take four times the memory for three watches.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import aiohttp
import msgspec

from plantwright_operator.cluster.service_account import ServiceAccount

WATCH_SECONDS: Final = 290
"""After so long the API server ends a watch; the next goes on from there."""
LIST_SECONDS: Final = 15.0
PAUSES: Final = (0.5, 30.0)
MAX_LINE: Final = 4 * 1024 * 1024

logger = logging.getLogger(__name__)
T = TypeVar("T", bound="Object")


class Meta(msgspec.Struct, rename="camel"):
    """An object's metadata, as far as the board reads it."""

    name: str = ""
    resource_version: str = ""
    deletion_timestamp: str | None = None
    annotations: dict[str, str] = {}


class Object(msgspec.Struct, rename="camel"):
    """Base of what is read; what it does not name is passed over."""

    metadata: Meta = msgspec.field(default_factory=Meta)


class _Change(msgspec.Struct):
    type: str
    object: msgspec.Raw


class GoneError(Exception):
    """The watch cannot go on from where it was: list again."""


class Api:
    """Asks the API server."""

    def __init__(self, account: ServiceAccount) -> None:
        self._account = account
        context = ssl.create_default_context(cafile=account.ca_file) if account.server.startswith("https") else None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context or True), trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def list(self, path: str, query: Mapping[str, str]) -> bytes:
        """A list, as JSON.

        Raises:
            aiohttp.ClientError: it could not be had.
        """
        timeout = aiohttp.ClientTimeout(total=LIST_SECONDS)
        async with self._get(path, query, timeout) as response:
            content: bytes = await response.read()
            return content

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The lines of a watch.

        Raises:
            aiohttp.ClientError: it broke off.
            GoneError: a line without end.
        """
        asked = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=LIST_SECONDS, sock_read=WATCH_SECONDS + 30)
        async with self._get(path, asked, timeout) as response:
            rest = b""
            async for piece in response.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield line
                if len(rest) > MAX_LINE:
                    raise GoneError("a line without end")

    async def close(self) -> None:
        """Let go of connections."""
        await self._session.close()

    def _get(self, path: str, query: Mapping[str, str], timeout: aiohttp.ClientTimeout) -> Any:
        headers = {"Authorization": f"Bearer {self._account.token()}", "Accept": "application/json"}
        url = self._account.server + path
        return self._session.get(
            url, params=query, headers=headers, timeout=timeout, raise_for_status=True, allow_redirects=False
        )


class Mirror(Generic[T]):
    """Keeps the objects of one kind as the API server has them; `changed` is called after each change, `known` says it was ever listed."""

    def __init__(
        self, api: Api, path: str, query: Mapping[str, str], kind: type[T], changed: Callable[[], None]
    ) -> None:
        self._api, self._path, self._query = api, path, query
        self._kind, self._changed = kind, changed
        self.objects: dict[str, T] = {}
        self.known = False

    async def run(self) -> None:
        """List, watch, and again, for ever; what is known stays while the API server does not answer."""
        pause = PAUSES[0]
        while True:
            try:
                version = await self._list()
                pause = PAUSES[0]
                while True:
                    version = await self._watch(version)
                    await asyncio.sleep(PAUSES[0])
            except GoneError as error:
                logger.info("%s is listed again: %s", self._path, error)
            except (TimeoutError, aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
                logger.warning("%s: %s: %s", self._path, type(error).__name__, error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads calls
            pause = min(PAUSES[1], pause * 2)

    async def _list(self) -> str:
        answer: _List = msgspec.json.decode(await self._api.list(self._path, self._query), type=_List)
        items = [msgspec.json.decode(item, type=self._kind) for item in answer.items]
        self.objects = {item.metadata.name: item for item in items}
        self.known = True
        self._changed()
        return answer.metadata.resource_version

    async def _watch(self, version: str) -> str:
        """Follow changes until the watch ends; returns the version from which the next goes on."""
        async for line in self._api.watch(self._path, {**self._query, "resourceVersion": version}):
            change = msgspec.json.decode(line, type=_Change)
            if change.type == "ERROR":
                raise GoneError(bytes(change.object)[:200].decode(errors="replace"))
            item = msgspec.json.decode(change.object, type=self._kind)
            version = item.metadata.resource_version
            self._take(change.type, item)
        return version

    def _take(self, type_: str, item: T) -> None:
        if type_ == "DELETED":
            self.objects.pop(item.metadata.name, None)
        elif type_ in ("ADDED", "MODIFIED"):
            self.objects[item.metadata.name] = item
        else:
            return
        self._changed()


class _List(msgspec.Struct):
    metadata: Meta
    items: list[msgspec.Raw] = []
