"""The key of pseudonyms, from its mounted Secret and anew when that changes; and what becomes of values while there is none.

The key never enters a message.
"""

from collections.abc import Sequence
from typing import Any, Final

import structlog

from plantwright_gateway.app.clock import Clock
from plantwright_gateway.check import Verdict
from plantwright_gateway.check.reasons import NO_PSEUDONYM_KEY
from plantwright_gateway.context.pseudonym import SHORTEST_KEY, KeySource, Pseudonyms, no_key
from plantwright_gateway.context.times import SECOND
from plantwright_gateway.ports.sink import SinkUnavailable
from plantwright_gateway.ports.source import Sample
from plantwright_gateway.sinks.secrets import SecretFile

KEY: Final = "key"
LOOK_NS: Final = SECOND
"""How often the file is looked at, at most; the kubelet takes a minute to bring a change."""


class PseudonymKey:
    """The key in one Secret; call it for the key as it is now."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._file = SecretFile(secret, KEY)
        self._secret, self._mono = secret, clock.mono
        self._version: tuple[int, int, int] | None = None
        self._key: bytes | None = None
        self._problem = ""
        self._looked: int | None = None
        self._log: Any = structlog.get_logger(__name__)

    def __call__(self) -> bytes | None:
        """The key, None where the Secret is missing or too short."""
        now = self._mono()
        if self._looked is None or now - self._looked >= LOOK_NS:
            self._looked = now
            self._look()
        return self._key

    def _look(self) -> None:
        try:
            version = self._file.version()
            if version != self._version:
                content = self._file.path.read_bytes()
                self._version, self._key = version, content if len(content) >= SHORTEST_KEY else None
            problem = "" if self._key is not None else f"it has fewer than {SHORTEST_KEY} bytes"
        except (SinkUnavailable, OSError):
            self._version = self._key = None
            problem = "it is not mounted"
        self._tell(problem)

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            if problem:
                self._log.warning("no key for pseudonyms", secret=self._secret, key=KEY, problem=problem)
            else:
                self._log.info("pseudonyms can be made", secret=self._secret)


def withheld(pseudonyms: Pseudonyms, samples: Sequence[Sample], verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
    """The verdicts, but values that may leave as pseudonyms only are refused while there is no key to make them with."""
    if pseudonyms.ready():
        return verdicts
    kept = pseudonyms.signals
    return [
        Verdict(sample.value, "", NO_PSEUDONYM_KEY)
        if sample.signal in kept and not verdict.refused and verdict.value is not None
        else verdict
        for sample, verdict in zip(samples, verdicts, strict=True)
    ]


def key_source(secret: str | None, clock: Clock) -> KeySource:
    """Where a machine's key comes from; None names no Secret."""
    return PseudonymKey(secret, clock) if secret else no_key
