"""Credentials for kopf, which asks for them when it starts and whenever the API server has answered 401.

kopf takes no credentials again that were refused once, and ends without any. Yet the same ones may be right a moment later
(an API server that cannot check tokens while it starts), and a renewed token may come into its file only after the old one
was refused. So what was refused is offered again, after a pause in which the file is looked at.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf

from plantwright_operator.cluster import service_account
from plantwright_operator.cluster.service_account import ServiceAccount

PAUSE = 5.0
"""Seconds between two offers of the same credentials, so that an API server that takes nobody is not asked without end."""
LOOK_SECONDS = 0.25
LASTED = 60.0
"""Credentials that were in use for so many seconds are offered again at once."""

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class Login:
    """Remembers what it offered last and when, on a monotonic clock."""

    def __init__(self, read: Callable[..., kopf.ConnectionInfo | None] | None = None) -> None:
        self._read = read or _read
        self._last: kopf.ConnectionInfo | None = None
        self._at = 0.0
        self._offers = 0

    async def offer(self, **kwargs: Any) -> kopf.ConnectionInfo | None:
        """The credentials of the pod, or of the kubeconfig outside of one."""
        found = self._read(**kwargs)
        if self._last is not None and time.monotonic() - self._at < LASTED:
            until = time.monotonic() + PAUSE
            while found == self._last and time.monotonic() < until:
                await asyncio.sleep(LOOK_SECONDS)
                found = self._read(**kwargs)
        self._last, self._at = found, time.monotonic()
        self._offers += 1
        # kopf compares with what was refused, the time of expiry included: each offer has its own.
        return found and replace(found, expiration=_NEVER - timedelta(seconds=self._offers))


def _read(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Without the client library's login, which would import a second Kubernetes client."""
    if not service_account.is_mounted():
        return kopf.login_with_kubeconfig(**kwargs)
    account = ServiceAccount()
    return kopf.ConnectionInfo(server=account.server, ca_path=account.ca_file, token=account.token())
