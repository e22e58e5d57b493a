"""A machine's gateway, reached as a person may reach it: kubectl forwards a port of its pod, which no network policy forbids."""

import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from plantwright_api.wire.config import HTTP_PORT
from plantwright_cli.errors import UserError
from plantwright_operator.desired.names import child_name
from plantwright_operator.model import REPLAY_ANNOTATION

SECONDS: Final = 10.0
_FORWARDING: Final = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")


@contextmanager
def gateway(namespace: str, machine: str) -> Iterator[str]:
    """The URL of the machine's gateway, as long as the block runs.

    Raises:
        UserError: what kubectl said.
    """
    pod = f"pod/{child_name(machine)}-0"
    words = ["kubectl", "port-forward", f"--namespace={namespace}", "--address=127.0.0.1", pod, f":{HTTP_PORT}"]
    try:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise UserError(f"kubectl cannot be run: {error.strerror}") from error
    with process:
        try:
            yield f"http://127.0.0.1:{_port(process, namespace, machine)}"
        finally:
            process.terminate()


def get(url: str) -> bytes:
    """What a gateway answers.

    Raises:
        UserError: it does not, or not as it should.
    """
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as response:  # noqa: S310  made by `gateway`
            content: bytes = response.read()
            return content
    except urllib.error.HTTPError as error:
        raise UserError(
            f"the gateway answers {error.code}: {error.read(300).decode(errors='replace').strip()}"
        ) from error
    except OSError as error:
        raise UserError(f"the gateway does not answer: {error}") from error


def ask_for_replay(namespace: str, machine: str, request: str) -> None:
    """Write the request onto the Machine, where GitOps and the audit log can see it.

    Raises:
        UserError: what kubectl said.
    """
    annotation = f"{REPLAY_ANNOTATION}={request}"
    words = [
        "kubectl",
        "annotate",
        "--overwrite",
        f"--namespace={namespace}",
        "machines.plantwright.io",
        machine,
        annotation,
    ]
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"kubectl cannot be run: {error}") from error
    if done.returncode:
        raise UserError(f"kubectl annotate: {done.stderr.decode(errors='replace').strip()}")


def _port(process: "subprocess.Popen[bytes]", namespace: str, machine: str) -> int:
    assert process.stdout is not None  # noqa: S101  pipes were asked for
    assert process.stderr is not None  # noqa: S101
    found = _FORWARDING.search(process.stdout.readline())
    if found is None:
        said = process.stderr.read(500).decode(errors="replace").strip()
        raise UserError(f"the gateway of machine {namespace}/{machine} cannot be reached: {said}")
    return int(found[1])
