"""Frames of a board: from its URL, or through the API server, as whoever may `get services/proxy` reaches it. No port is forwarded."""

import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from plantwright_api.wire import sse
from plantwright_api.wire.board import Frame
from plantwright_cli.errors import UserError

SECONDS: Final = 25.0
"""A board says something every ten seconds."""
LABEL: Final = "plantwright.io/board"
PIECE: Final = 65536


class _Stream(Protocol):
    def read1(self, size: int = ..., /) -> bytes: ...


Opening = Callable[[str], AbstractContextManager[_Stream]]
"""Opens a path of a board.

Raises:
    UserError: it cannot be reached.
"""


def snapshot(board: Opening) -> Frame:
    """All rows as they are now.

    Raises:
        UserError: no board answers.
    """
    with board("/snapshot") as stream:
        content = b"".join(iter(lambda: stream.read1(PIECE), b""))
    return _frame(content)


def frames(board: Opening) -> Iterator[Frame]:
    """The first is whole; ends when the stream does.

    Raises:
        UserError: no board answers.
    """
    events = sse.Events()
    with board("/events") as stream:
        while piece := _piece(stream):
            yield from map(_frame, events.feed(piece))


def at(url: str) -> Opening:
    """The board at a URL.

    Raises:
        UserError: it is no URL of one.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise UserError(f"{url}: write http://host:port or https://host")

    @contextmanager
    def opened(path: str) -> Iterator[_Stream]:
        try:
            with urllib.request.urlopen(url.rstrip("/") + path, timeout=SECONDS) as response:  # noqa: S310  checked above
                yield response
        except urllib.error.HTTPError as error:
            raise UserError(f"{url}: no board answers: {error.code} {error.reason}") from error
        except (OSError, HTTPException) as error:
            raise UserError(f"{url}: no board answers: {error}") from error

    return opened


def in_cluster(namespace: str, plant: str) -> Opening:
    """The board of a plant in the cluster that KUBECONFIG names; no plant means the only board of the namespace.

    Raises:
        UserError: there is none, or there are several, or what kubectl said.
    """
    selector = f"{LABEL}={plant}" if plant else LABEL
    words = ["kubectl", "get", "services", f"--namespace={namespace}", f"--selector={selector}", "--output=name"]
    names = _run(words).decode().split()
    if len(names) != 1:
        there = f"{len(names)} boards: name the plant (--plant)" if names else "no board (board.plants in the chart)"
        raise UserError(f"namespace {namespace} has {there}")
    service = names[0].removeprefix("service/")

    @contextmanager
    def opened(path: str) -> Iterator[_Stream]:
        raw = f"/api/v1/namespaces/{namespace}/services/http:{service}:http/proxy{path}"
        with subprocess.Popen(
            ["kubectl", "get", "--raw", raw], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                yield process.stdout  # type: ignore[misc]
            except BaseException:
                process.terminate()
                raise
            _complain(process)

    return opened


def _complain(process: "subprocess.Popen[bytes]") -> None:
    """What kubectl said, where it did not end well; its output has ended, so it ends too."""
    if process.wait(SECONDS) and process.stderr is not None:
        said = process.stderr.read(500).decode(errors="replace").strip()
        raise UserError(f"the board cannot be reached through the API server: {said}; forward a port and give --url")


def _run(words: list[str]) -> bytes:
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"kubectl cannot be run: {error}") from error
    if done.returncode:
        raise UserError(f"kubectl get services: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _piece(stream: _Stream) -> bytes:
    try:
        return stream.read1(PIECE)
    except (OSError, HTTPException):  # gone, or silent for too long
        return b""


def _frame(data: bytes) -> Frame:
    try:
        return msgspec.json.decode(data, type=Frame)
    except msgspec.DecodeError as error:
        raise UserError(f"what answers is no board: {error}") from error
