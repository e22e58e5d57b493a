"""kopf: which objects are watched, and what is done with an event: it enters the cache, nothing else.

Only `on.event` handlers. Handlers of the other sorts bring finalizers, annotations and lost updates; these bring none of
it, return nothing and cannot fail, so kopf never writes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import kopf

from plantwright_operator.cluster.kinds import OURS, OWNED
from plantwright_operator.handlers.login import Login
from plantwright_operator.model import MANAGED_BY_SELECTOR, Obj

Observe = Callable[..., None]
"""Takes kind and object, and gone=True where it was deleted."""

ERROR_BACKOFFS = (1, 1, 2, 3, 5, 8, 13, 21, 30, 30, 30, 30, 30, 30)
"""Four minutes of an API server that answers 5xx do not end the process; a stream that breaks is opened again for ever."""


class NoDifferences(kopf.DiffBaseStorage):
    """kopf compares each version of an object with a stored one; nobody here asks, and the copies cost more than our work."""

    def build(self, **_: Any) -> Any:
        """What kopf would compare: nothing."""
        return {}

    def fetch(self, **_: Any) -> Any:
        """What kopf has stored: nothing."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""


def registry(observe: Observe, end: Callable[..., Awaitable[None]]) -> kopf.OperatorRegistry:
    """A registry with one event handler per kind; `end` is run before kopf ends the tasks that it did not start."""
    found = kopf.OperatorRegistry()
    kopf.on.login(registry=found, id="login")(Login().offer)
    kopf.on.cleanup(registry=found)(end)
    for kind, resource in {**OURS, **OWNED}.items():
        group, _, version = resource.api_version.rpartition("/")
        kopf.on.event(group, version, resource.plural, registry=found, id=f"observe-{kind}")(_handler(kind, observe))
    return found


def settings() -> kopf.OperatorSettings:
    """kopf's settings: it writes nothing, watches only what is ours, and notices streams that died."""
    found = kopf.OperatorSettings()
    found.posting.enabled = False
    found.persistence.diffbase_storage = NoDifferences()
    found.scanning.disabled = True
    found.queueing.idle_timeout = 1.0
    found.networking.error_backoffs = ERROR_BACKOFFS
    found.networking.request_timeout = 60.0
    found.networking.connect_timeout = 10.0
    found.watching.server_timeout = 300
    found.watching.client_timeout = 330
    found.watching.connect_timeout = 10.0
    for resource in OWNED.values():
        group, _, version = resource.api_version.rpartition("/")
        found.watching.label_selectors[group, version, resource.plural] = MANAGED_BY_SELECTOR
    return found


def watchers() -> int:
    """How many watch streams are alive in this event loop."""
    return sum(task.get_name().startswith("watcher for ") for task in asyncio.all_tasks() if not task.done())


def _handler(kind: str, observe: Observe) -> Callable[..., Any]:
    async def observed(event: Any, **_: Any) -> None:
        obj: Obj = event["object"]
        observe(kind, obj, gone=event["type"] == "DELETED")

    return observed
