"""Confirmations go to the ERP: at least once each, in order, under a key by which it books each once.

The key is the header `Idempotency-Key` (job order and revision). What is not answered with 2xx is tried again, with growing pauses, for
as long as it takes: a confirmation is never given up, and GET /v1/confirmations shows what the ERP says.
"""

import asyncio
import logging
from urllib.parse import quote

import aiohttp
import asyncpg
import msgspec

from plantwright_mes.confirming import make
from plantwright_mes.settings import Settings
from plantwright_mes.store import UNAVAILABLE

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 300.0
LOOK_SECONDS = 0.5
ANSWER_CHARACTERS = 300

# Claimed for as long as a request may take, so that two services do not send at the same time; a later revision waits for the earlier.
_CLAIM = """
UPDATE confirmations AS c SET attempts = attempts + 1, next_time = now() + make_interval(secs => $1)
WHERE (job_order_id, revision) IN (
  SELECT job_order_id, revision FROM confirmations AS n
  WHERE sent_time IS NULL AND next_time <= now() AND NOT EXISTS (
    SELECT FROM confirmations AS e WHERE e.job_order_id = n.job_order_id AND e.revision < n.revision AND e.sent_time IS NULL)
  ORDER BY next_time LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING job_order_id, revision, body, attempts
"""
_SENT = "UPDATE confirmations SET sent_time = now(), answer = $3 WHERE job_order_id = $1 AND revision = $2"
_AGAIN = (
    "UPDATE confirmations SET next_time = now() + make_interval(secs => $4), answer = $3"
    " WHERE job_order_id = $1 AND revision = $2"
)
_LIST = (
    "SELECT job_order_id, revision, body, made_time, attempts, sent_time, answer FROM confirmations"
    " WHERE $1 IN ('', job_order_id) ORDER BY job_order_id, revision LIMIT 10000"
)


async def confirm_always(settings: Settings, pool: asyncpg.Pool) -> None:
    """Make confirmations and send them, until cancelled."""
    timeout = aiohttp.ClientTimeout(total=settings.erp_timeout_seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            try:
                await make(pool, settings.sink, settings.erp_settle_seconds)
                while settings.erp_url and await _send_one(settings, pool, session):
                    pass
            except UNAVAILABLE as error:
                log.warning("nothing can be confirmed now: %s", type(error).__name__)
            except asyncpg.PostgresError:
                log.exception("nothing can be confirmed")
            await asyncio.sleep(LOOK_SECONDS)


async def confirmations(pool: asyncpg.Pool, job_order: str = "") -> bytes:
    """What was confirmed, of one job order or all, and what the ERP said, as JSON.

    Raises:
        One of store.UNAVAILABLE.
    """
    told = [
        {
            "jobOrder": record["job_order_id"],
            "revision": record["revision"],
            "madeTime": record["made_time"],
            "attempts": record["attempts"],
            "sentTime": record["sent_time"],
            "answer": record["answer"],
            "body": msgspec.Raw(record["body"]),
        }
        for record in await pool.fetch(_LIST, job_order)
    ]
    return msgspec.json.encode({"confirmations": told})


async def _send_one(settings: Settings, pool: asyncpg.Pool, session: aiohttp.ClientSession) -> bool:
    """Send what is due next, if anything is."""
    claimed = await pool.fetchrow(_CLAIM, 2 * settings.erp_timeout_seconds)
    if claimed is None:
        return False
    key = (claimed["job_order_id"], claimed["revision"])
    is_taken, answer = await _post(settings, session, f"{quote(key[0], safe='')}/{key[1]}", claimed["body"])
    if is_taken:
        await pool.execute(_SENT, *key, answer)
    else:
        log.warning("the ERP does not take confirmation %s/%s: %s", *key, answer)
        await pool.execute(_AGAIN, *key, answer, pause(claimed["attempts"]))
    return True


async def _post(settings: Settings, session: aiohttp.ClientSession, key: str, body: bytes) -> tuple[bool, str]:
    headers = {"Content-Type": "application/json", "Idempotency-Key": f'"{key}"'}
    if settings.erp_token:
        headers["Authorization"] = f"Bearer {settings.erp_token}"
    try:
        async with session.post(settings.erp_url, data=body, headers=headers, allow_redirects=False) as response:
            said = (await response.content.read(ANSWER_CHARACTERS)).decode("utf-8", "replace").replace("\x00", "")
            return 200 <= response.status < 300, f"{response.status} {said}".strip()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return False, type(error).__name__


def pause(attempts: int) -> float:
    """Seconds until the next attempt, doubled with each."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 20))
