"""Chromium without a window, driven by its DevTools protocol over a websocket."""

import asyncio
import base64
import itertools
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

PROGRAM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class Browser:
    """One tab. `complaints` are what went wrong in the page: exceptions, refusals by the policy, requests that failed."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._ids = socket, itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []
        self.requested: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, and its result."""
        number = next(self._ids)
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(30):
            answer = await waiting
        assert "error" not in answer, answer
        return dict(answer["result"])

    async def evaluate(self, code: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        answer = await self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, code: str, seconds: float = 15.0) -> Any:
        """Wait until an expression is true, looking before each frame that is drawn."""
        waiting = f"""new Promise((done, failed) => {{
            const end = performance.now() + {seconds * 1000};
            (function look() {{
                const value = {code};
                if (value) done(value);
                else if (performance.now() > end) failed(new Error("not in time"));
                else setTimeout(look, 5);
            }})();
        }})"""
        return await self.evaluate(waiting)

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    async def prefer(self, **features: str) -> None:
        """Media features, such as color_scheme="dark"."""
        wanted = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        await self.call("Emulation.setEmulatedMedia", features=wanted)

    async def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def picture(self, path: Path) -> None:
        shot = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    async def _read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            else:
                self._note(said["method"], said["params"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        if method == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])


@contextmanager
def chromium(profile: Path) -> Iterator[str]:
    """Run the program; gives the address of its DevTools."""
    words = [PROGRAM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        try:
            yield f"http://127.0.0.1:{_port(profile / 'DevToolsActivePort')}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@asynccontextmanager
async def tab(devtools: str) -> AsyncIterator[Browser]:
    """A new tab with storage of its own, closed at the end."""
    async with aiohttp.ClientSession(devtools) as session:
        async with session.put("/json/new?about:blank") as response:
            page = await response.json()
        async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=64 * 1024 * 1024) as socket:
            browser = Browser(socket)
            reader = asyncio.create_task(browser._read())
            for domain in ("Page", "Runtime", "Network", "Log"):
                await browser.call(f"{domain}.enable")
            yield browser
            reader.cancel()
        async with session.get(f"/json/close/{page['id']}"):
            pass


def _port(file: Path) -> int:
    """The port that the browser chose; it writes it down when it listens."""
    deadline = time.monotonic() + 30
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline, "chromium does not listen"
        time.sleep(0.05)
    return int(file.read_text().split()[0])
