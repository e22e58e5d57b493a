"""A machine's schedule as its gateway fetches it, and the notice that it has changed.

Notices go through PostgreSQL (`NOTIFY schedule`), so that whoever waits at one service hears of what was told to another.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from plantwright_api.wire import schedule as wire
from plantwright_mes.store import UNAVAILABLE

log = logging.getLogger(__name__)

CHANNEL = "schedule"
PAUSE_SECONDS = 1.0
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_ORDERS = """
SELECT id, work_request_id, priority, material_definition_id, material_lot_id, quantity, start_time, end_time FROM job_orders
WHERE plant = $1 AND equipment = $2 AND start_time IS NOT NULL AND (end_time IS NULL OR end_time > $3) ORDER BY start_time, id
"""
_PEOPLE = """
SELECT person_id, start_time, end_time FROM personnel_actuals
WHERE plant = $1 AND equipment = $2 AND (end_time IS NULL OR end_time > $3) ORDER BY start_time, person_id
"""
_EVENTS = """
SELECT reason, start_time, end_time FROM equipment_events
WHERE plant = $1 AND equipment = $2 AND (end_time IS NULL OR end_time > $3) ORDER BY start_time, reason
"""
_CHANGED = "SELECT changed_time FROM schedules WHERE plant = $1 AND equipment = $2"


async def read(pool: asyncpg.Pool, plant: str, equipment: str, history: timedelta) -> bytes:
    """The document of `wire.schedule`: what was done in the last `history` and what is under way.

    Raises:
        One of store.UNAVAILABLE.
    """
    key = (plant, equipment, datetime.now(UTC) - history)
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        told = wire.WorkSchedule(
            equipment_id=equipment,
            published_date=_text(await connection.fetchval(_CHANGED, plant, equipment) or NEVER),
            job_order=[_job_order(record) for record in await connection.fetch(_ORDERS, *key)],
            personnel_actual=[
                wire.PersonnelActual(person_id=record["person_id"], **_times(record))
                for record in await connection.fetch(_PEOPLE, *key)
            ],
            equipment_event=[
                wire.EquipmentEvent(reason=record["reason"], **_times(record))
                for record in await connection.fetch(_EVENTS, *key)
            ],
        )
    return wire.encode(told)


def etag(content: bytes) -> str:
    """The entity tag of a document."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


class Notices:
    """Who waits for a machine's schedule to change."""

    def __init__(self) -> None:
        self._heard: Counter[str] = Counter()
        self._all = 0
        self._next = asyncio.Event()
        self._closed = False

    def seen(self, key: str) -> tuple[int, int]:
        """A mark: `wait` comes back as soon as there is another."""
        return self._heard[key], self._all

    def tell(self, key: str = "") -> None:
        """This machine's schedule has changed; "": any may have."""
        if key:
            self._heard[key] += 1
        else:
            self._all += 1
        self._next.set()
        self._next = asyncio.Event()

    def close(self) -> None:
        """Nobody waits any longer."""
        self._closed = True
        self.tell()

    async def wait(self, key: str, seen: tuple[int, int], seconds: float) -> bool:
        """Whether there is another mark than `seen` within that time."""
        try:
            async with asyncio.timeout(seconds):
                while self.seen(key) == seen and not self._closed:
                    await self._next.wait()
        except TimeoutError:
            return False
        return not self._closed

    async def any(self) -> None:
        """Come back with the next notice of any machine."""
        await self._next.wait()


async def listen(dsn: str, notices: Notices) -> None:
    """Hear of changes until cancelled. While the connection was lost anything may have changed."""
    while True:
        try:
            await _session(dsn, notices)
        except (*UNAVAILABLE, asyncpg.PostgresError) as error:
            log.warning("changes of schedules are not heard now: %s", type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)


async def _session(dsn: str, notices: Notices) -> None:
    connection = await asyncpg.connect(dsn)
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _connection: lost.set())
        await connection.add_listener(CHANNEL, lambda _c, _pid, _channel, key: notices.tell(str(key)))
        notices.tell()
        await lost.wait()
    finally:
        connection.terminate()


def _job_order(record: Any) -> wire.JobOrder:
    product, lot, quantity = record["material_definition_id"], record["material_lot_id"], record["quantity"]
    made = wire.MaterialRequirement(material_definition_id=product, material_lot_id=lot, quantity=quantity)
    return wire.JobOrder(
        id=record["id"],
        work_request_id=record["work_request_id"],
        priority=record["priority"],
        material_requirement=[made] if product or lot or quantity is not None else [],
        **_times(record),
    )


def _times(record: Any) -> dict[str, Any]:
    end = record["end_time"]
    return {"start_time": _text(record["start_time"]), "end_time": _text(end) if end else None}


def _text(moment: datetime) -> str:
    return msgspec.json.encode(moment.astimezone(UTC)).decode().strip('"')
