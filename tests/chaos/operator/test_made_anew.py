"""B7: a machine made anew at once, while all that the operator sees are the children of the former one of its name."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.row("B7")]


@pytest.mark.parametrize("on_delete", ["RetainUntilDrained", "Discard"])
async def test_children_of_a_former_machine_say_nothing_of_the_new_one(
    on_delete: str,
    world: Any,
    deploy: Callable[..., Awaitable[Any]],
    proxy: Any,
    eventually: Callable[..., Any],
    measured: Callable[[str], None],
) -> None:
    """The streams of StatefulSets and Pods tell nothing more, so both still run as far as the operator knows."""
    await deploy()
    await world.base()
    await world.apply("Machine", bufferOnDelete=on_delete)
    await world.ready()
    for plural in ("statefulsets", "pods"):
        proxy.idle(plural)
    await world.delete("machines", "press-1")
    await eventually(lambda: _gone(world, on_delete), 30)
    await world.apply("Machine", bufferOnDelete=on_delete)

    async def first_status() -> Any:
        return {c["type"]: c["status"] for c in (await world.get("machines", "press-1"))["status"]["conditions"]}

    status = await eventually(first_status)
    assert status["Ready"] == "False"
    assert status["Commissioned"] == ("False" if on_delete == "Discard" else "True"), "the claim's data is its own"
    measured(f"made anew while its former pod is believed to run ({on_delete}): Ready {status['Ready']} at first")


async def _gone(world: Any, on_delete: str) -> bool:
    claims = ("persistentvolumeclaims",) if on_delete == "Discard" else ()
    return not [each for plural in ("statefulsets", "pods", *claims) for each in await world.list(plural)]
