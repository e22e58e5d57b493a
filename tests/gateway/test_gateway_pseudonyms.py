"""What must leave as a pseudonym never leaves otherwise: not as a value, not in a quarantine event, a status, metric or log."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plantwright_api.wire.config import Contract, ContractField
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.context.pseudonym import pseudonym
from plantwright_gateway.ports.source import Sample

T0 = 1_700_000_000_000_000_000
NAME = "Erika Mustermann"
KEY = bytes(range(32))
FIELDS = [
    ContractField(name="number", type="Integer"),
    ContractField(name="operator", type="String", max_length=20, on_violation="Quarantine", pseudonymise=True),
]


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which Secrets are mounted; empty."""
    folder = tmp_path / "secrets"
    monkeypatch.setenv("PLANTWRIGHT_SECRETS_DIR", str(folder))
    folder.mkdir()
    return folder


def mount(folder: Path, key: bytes) -> None:
    """As the kubelet does it: all at once."""
    (folder / "pseudonyms").mkdir(exist_ok=True)
    new = folder / "pseudonyms" / "new"
    new.write_bytes(key)
    new.replace(folder / "pseudonyms" / "key")


@pytest.fixture
def asking(bench: Any, make_signal: Any) -> Any:
    contracts = [Contract(name="machine-state", version="1.0.0", fields=FIELDS, retention_days=30)]
    signals = [make_signal("number"), make_signal("operator")]
    return bench.machine(contracts=contracts, signals=signals, pseudonym_secret="pseudonyms")


class Later:
    """A monotonic clock that a test may put forward."""

    def __init__(self, clock: Any) -> None:
        self._clock, self.ahead_ns = clock, 0

    def __call__(self) -> int:
        return int(self._clock.mono()) + self.ahead_ns


async def test_equal_values_leave_as_equal_pseudonyms(bench: Any, asking: Any, secrets: Path) -> None:
    mount(secrets, KEY)
    await bench.start(asking)
    for second, name in enumerate((NAME, "Max", NAME)):
        await bench.hand.give(Sample("number", second, T0 + second), Sample("operator", name, T0 + second))
    await bench.mes.until(lambda: len(bench.mes.values("operator")) == 3)
    first, other, again = bench.mes.values("operator")
    assert first == again == pseudonym(KEY, "operator", NAME)
    assert re.fullmatch("pn:[0-9a-f]{32}", first)
    assert other not in (first, "Max")
    assert bench.mes.values("number") == [0, 1, 2]
    assert bench.condition("ContractMet") == ("True", "AllFieldsValid")


async def test_a_value_is_judged_as_it_is_and_kept_out_without_being_shown(
    bench: Any, asking: Any, secrets: Path
) -> None:
    mount(secrets, KEY)
    await bench.start(asking)
    long = NAME + " of the night shift"
    await bench.hand.give(Sample("operator", long, T0), Sample("number", 1, T0))
    await bench.mes.until(lambda: bench.mes.of("quarantine") and bench.mes.values("number"))
    [kept_out] = bench.mes.of("quarantine")
    assert (kept_out["reason"], kept_out["value"]) == ("TooLong", pseudonym(KEY, "operator", long))


async def test_a_field_that_is_not_there_stays_without_a_value(bench: Any, asking: Any, secrets: Path) -> None:
    mount(secrets, KEY)
    await bench.start(asking)
    await bench.hand.give(Sample("operator", None, T0, "Bad", "SignalUnreadable"))
    await bench.mes.until(lambda: bench.mes.of("observation"))
    assert bench.mes.values("operator") == [None]


@pytest.mark.parametrize("content", [None, KEY[:31]], ids=["missing", "too-short"])
async def test_without_a_key_nothing_of_it_leaves_and_the_rest_does(
    bench: Any, asking: Any, secrets: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        mount(secrets, content)
    gateway = await bench.start(asking)
    await bench.hand.give(Sample("number", 7, T0), Sample("operator", NAME, T0))
    await bench.mes.until(lambda: bench.mes.of("quarantine") and bench.mes.values("number"))
    [kept_out] = bench.mes.of("quarantine")
    assert (kept_out["field"], kept_out["reason"], kept_out["value"]) == ("operator", "NoPseudonymKey", "(withheld)")
    assert bench.condition("ContractMet") == ("False", "NoPseudonymKey")
    told = [str(bench.mes.events), str(gateway.status()), Metrics(gateway).render().decode(), capsys.readouterr().out]
    assert not any("Mustermann" in text for text in told)
    assert 'reason="NoPseudonymKey"' in told[2]


async def test_a_key_that_appears_or_changes_is_taken_up(bench: Any, asking: Any, secrets: Path) -> None:
    later = Later(bench.clock)
    bench.clock = bench.clock._replace(mono=later)
    await bench.start(asking)
    await bench.hand.give(Sample("operator", NAME, T0))
    await bench.mes.until(lambda: bench.mes.of("quarantine"))
    for second, key in enumerate((KEY, KEY + b"other")):
        mount(secrets, key)
        later.ahead_ns += 2_000_000_000
        await bench.hand.give(Sample("operator", NAME, T0 + 1 + second))
        expected = pseudonym(key, "operator", NAME)
        await bench.mes.until(lambda expected=expected: expected in bench.mes.values("operator"))
    (secrets / "pseudonyms" / "key").unlink()
    later.ahead_ns += 2_000_000_000
    await bench.hand.give(Sample("operator", NAME, T0 + 3))
    await bench.mes.until(lambda: len(bench.mes.of("quarantine")) == 2)
    assert len(bench.mes.values("operator")) == 2


async def test_the_configuration_event_names_the_retention(bench: Any, asking: Any, secrets: Path) -> None:
    await bench.start(asking)
    await bench.mes.until(lambda: bench.mes.of("configuration"))
    assert bench.mes.of("configuration")[0]["retention"] == {"machine-state": 30}


async def test_a_replay_gives_pseudonyms_and_needs_the_key(bench: Any, asking: Any, secrets: Path) -> None:
    later = Later(bench.clock)
    bench.clock = bench.clock._replace(mono=later)
    await bench.start(asking)
    await bench.hand.give(Sample("operator", NAME, T0))
    await bench.mes.until(lambda: bench.mes.of("quarantine"))
    await bench.reload(msgspec.structs.replace(asking, replay="without-key"))
    await bench.mes.until(lambda: bench.runtime.status().quarantine.replay.done)
    assert bench.runtime.status().quarantine.replay.kept == {"NoPseudonymKey": 1}
    mount(secrets, KEY)
    later.ahead_ns += 2_000_000_000
    await bench.reload(msgspec.structs.replace(asking, replay="with-key"))
    await bench.mes.until(lambda: bench.mes.values("operator"))
    assert bench.mes.values("operator") == [pseudonym(KEY, "operator", NAME)]
