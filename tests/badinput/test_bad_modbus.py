"""B13, B14: devices that answer wrongly, and values that are none: never a value of another request, always a reason."""

import asyncio
import math
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from evil_modbus import EvilDevice, Mutator, refusal, right_answer

from plantwright_api.wire.config import ContractField, ModbusAddress, ModbusSource, Signal
from plantwright_gateway.check import compile_signal
from plantwright_gateway.sources.modbus import atlas, client
from plantwright_gateway.sources.modbus.decode import decoder
from plantwright_gateway.sources.modbus.frame import EXCEPTIONS
from plantwright_gateway.sources.modbus.plan import Limits, placed
from plantwright_operator.decide.policy import crds

Obj = dict[str, Any]
PLACES = {"s3": 3, "s4": 4, "s500": 500, "s502": 502, "s900": 900}
"""Three requests, of two, three and one register, so that another request's answer has another length."""
SIDE_BY_SIDE = 20
"""Devices at once: most wrong answers cost a wait."""
TIMEOUT_MS = 60


async def fuzz(mutations: int, make_recorder: Callable[[], Any], read_modbus: Any) -> str:
    """So many wrong answers over many devices; each value that arrives must be that of its own register."""
    mutators = [Mutator(seed) for seed in range(SIDE_BY_SIDE)]
    devices, recorders = [EvilDevice(mutator) for mutator in mutators], [make_recorder() for _ in mutators]
    for device, recorder in zip(devices, recorders, strict=True):
        await device.start()
        await read_modbus(device.port, PLACES, receiver=recorder, timeout_ms=TIMEOUT_MS)
    began = time.monotonic()
    async with asyncio.timeout(60 + mutations / 50):
        while sum(mutator.count for mutator in mutators) < mutations:  # noqa: ASYNC110 another's counter
            await asyncio.sleep(0.05)
    seconds = time.monotonic() - began
    for device in devices:
        device.answer = lambda request: [right_answer(request)]
    samples = 0
    for recorder in recorders:
        wrong = [s for s in recorder.samples if s.value != int(s.signal[1:])]
        assert wrong == [], "a value of another request"
        samples += len(recorder.samples)
        seen = len(recorder.samples)
        await recorder.until(lambda r=recorder, n=seen: {s.signal for s in r.samples[n:]} == set(PLACES), 20)
        assert not any("Traceback" in message for _, _, message in recorder.connections)
    for device in devices:
        device.stop()
    return f"{sum(m.count for m in mutators):,} wrong answers in {seconds:.0f} s: 0 of {samples:,} values wrong, {len(devices)}/{len(devices)} sources read all again"


@pytest.fixture
def quick_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left alone after a refusal is left alone for a moment only."""
    for name in ("RETRY_SECONDS", "PAUSE_SECONDS"):
        monkeypatch.setattr(atlas, name, (0.05, 0.1))


@pytest.mark.slow
@pytest.mark.row("B13")
async def test_a_thousand_wrong_answers(
    recorder: Any, read_modbus: Any, quick_again: None, memory: Any, measured: Callable[[str], None]
) -> None:
    found = await fuzz(1_000, type(recorder), read_modbus)
    assert memory.grown_mb() < 50
    measured(f"{found}; {memory.grown_mb():.0f} MB more")


@pytest.mark.chaos
@pytest.mark.row("B13")
async def test_ten_thousand_wrong_answers(
    recorder: Any, read_modbus: Any, quick_again: None, memory: Any, measured: Callable[[str], None]
) -> None:
    found = await fuzz(10_000, type(recorder), read_modbus)
    assert memory.grown_mb() < 50
    measured(f"{found}; {memory.grown_mb():.0f} MB more")


@pytest.mark.slow
@pytest.mark.row("B13")
async def test_every_exception_has_its_words(
    recorder: Any, read_modbus: Any, quick_again: None, measured: Callable[[str], None]
) -> None:
    codes = [*range(1, 12), 255]
    for code in codes:
        found = type(recorder)()
        device = EvilDevice(lambda request, code=code: [refusal(request, code)])
        await device.start()
        task = await read_modbus(device.port, {"s3": 3}, receiver=found, timeout_ms=TIMEOUT_MS)
        await found.until(lambda found=found: found.problems)
        reason, message = found.problems["s3"]
        assert reason == "SignalUnreadable"
        assert f"exception {code}" in message
        assert EXCEPTIONS[code].words in message if code in EXCEPTIONS else "unknown" in message
        assert (found.samples, found.reasons) == ([], ["Connecting", "SessionUp"])
        assert not task.done()
        device.stop()
    measured(
        f"{len(codes)}/{len(codes)} exceptions give SignalUnreadable with their words, no value and no lost session"
    )


@pytest.mark.row("B13")
async def test_an_answer_at_the_moment_of_the_end_does_not_keep_a_source_going(
    recorder: Any, read_modbus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[asyncio.Task[None]] = []
    packet = client.Link._packet

    def ending(link: client.Link, sending: bool, data: bytes) -> bytes:
        if recorder.samples and not sending:
            asyncio.get_running_loop().call_soon(tasks[0].cancel)  # before the one who waits hears of the answer
        return packet(link, sending, data)

    monkeypatch.setattr(client.Link, "_packet", ending)
    device = EvilDevice(lambda request: [right_answer(request)])
    await device.start()
    tasks.append(asyncio.create_task(source_of(device.port).run(recorder)))
    await asyncio.wait(tasks, timeout=2)
    assert tasks[0].cancelled()
    device.stop()


def source_of(port: int) -> client.ModbusSource:
    place = ModbusAddress(table="HoldingRegister", address=3, type="UInt16")
    signal = Signal(name="s3", contract="c", field="s3", interval_ms=20, modbus=place)
    return client.ModbusSource(ModbusSource(host="127.0.0.1", port=port), [signal], "lathe-07")


def floating(form: str, value: float) -> bytes:
    return struct.pack(form, value)


ODD = {
    "quiet NaN": ("Float32", bytes.fromhex("7fc00000")),
    "signalling NaN": ("Float32", bytes.fromhex("7fa00001")),
    "infinity": ("Float32", floating(">f", math.inf)),
    "negative infinity": ("Float64", floating(">d", -math.inf)),
    "64-bit NaN": ("Float64", floating(">d", math.nan)),
    "scaling overflow": ("Float64", floating(">d", 1.7e308)),
}


@pytest.mark.row("B14")
def test_what_is_no_number_is_bad_with_its_reason(measured: Callable[[str], None]) -> None:
    for name, (kind, data) in ODD.items():
        place = ModbusAddress(table="HoldingRegister", address=0, type=kind)
        value = decoder(place)(data, 0)
        signal = Signal(name="s", contract="c", field="f", interval_ms=1000, modbus=place, scale=1e10)
        verdict = compile_signal(signal, ContractField(name="f", type="Number"))(value)
        assert verdict.refused == "NotANumber", name
    measured(f"{len(ODD)}/{len(ODD)} values that are no numbers are refused as NotANumber")


WRONG_ADDRESSES: dict[str, Obj] = {
    "register 65536, above all there are": {"address": 65536},
    "register -1": {"address": -1},
    "32 bits that begin at the last register": {"address": 65535, "type": "Float32"},
    "64 bits that begin three before the end": {"address": 65533, "type": "Int64"},
    "text beyond the end": {"address": 65500, "type": "String", "length": 200},
    "text longer than a request": {"address": 0, "type": "String", "length": 251},
    "bit 16": {"address": 0, "type": "Bool", "bit": 16},
    "bits beyond the register": {"address": 0, "bits": {"first": 10, "count": 8}},
    "no type": {"address": 0, "type": "Float16"},
    "a coil of 32 bits": {"address": 0, "type": "Int32", "table": "Coil"},
}


@pytest.mark.row("B14")
@pytest.mark.parametrize("case", WRONG_ADDRESSES)
def test_a_wrong_address_is_refused(case: str, raw: Callable[..., Obj]) -> None:
    profile = raw("MachineProfile")
    profile["spec"]["signals"][1]["modbus"] = WRONG_ADDRESSES[case]
    if any(problem.field.startswith("spec.signals[1]") for problem in crds.problems(profile)):
        return
    place = ModbusAddress(**{"table": "HoldingRegister", "type": "UInt16", **WRONG_ADDRESSES[case]})
    signal = Signal(name="s", contract="c", field="f", interval_ms=1000, modbus=place)
    assert placed([signal], Limits(125, 16))[1], "neither admission nor the gateway refuses it"
