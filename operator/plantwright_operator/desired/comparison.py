"""Does a live object have what the operator wants of it?

Only the fields that are wanted count: the API server fills in defaults and others add what is theirs. A list whose
entries have a key is compared entry by entry; any other list must be the same as a whole.
"""

from collections.abc import Sequence
from decimal import InvalidOperation
from typing import Any

from plantwright_operator import quantities
from plantwright_operator.model import Obj

_KEYS = ("mountPath", "containerPort", "uid", "name")
"""Fields by which the API server merges lists, the most telling first."""
_QUANTITIES = frozenset({"requests", "limits"})


def difference(wanted: Obj, live: Obj) -> str:
    """The first path at which the live object lacks what is wanted, such as `spec.replicas`; empty where it has all."""
    return _compare(wanted, live, "")


def _compare(wanted: Any, live: Any, path: str) -> str:
    if isinstance(wanted, dict):
        return _compare_objects(wanted, live, path)
    if isinstance(wanted, list):
        return _compare_lists(wanted, live, path)
    same = type(wanted) is type(live) and wanted == live
    return "" if same or _same_quantity(wanted, live, path) else path


def _compare_objects(wanted: Obj, live: Any, path: str) -> str:
    if not isinstance(live, dict):
        return path
    for key, value in wanted.items():
        below = f"{path}.{key}" if path else key
        if key not in live:
            return below
        found = _compare(value, live[key], below)
        if found:
            return found
    return ""


def _compare_lists(wanted: list[Any], live: Any, path: str) -> str:
    if not isinstance(live, list):
        return path
    key = _merge_key(wanted)
    if key is None:
        if len(wanted) != len(live):
            return path
        pairs = [(str(index), value, live[index]) for index, value in enumerate(wanted)]
    else:
        by_key = {entry.get(key): entry for entry in live if isinstance(entry, dict)}
        pairs = [(str(value[key]), value, by_key.get(value[key])) for value in wanted]
    return next((found for name, w, have in pairs if (found := _compare(w, have, f"{path}[{name}]"))), "")


def _merge_key(entries: Sequence[Any]) -> str | None:
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        return None
    return next((key for key in _KEYS if all(key in entry for entry in entries)), None)


def _same_quantity(wanted: Any, live: Any, path: str) -> bool:
    """The API server rewrites quantities: 0.5 comes back as 500m."""
    parts = path.split(".")
    is_quantity = (len(parts) > 1 and parts[-2] in _QUANTITIES) or parts[-1] == "sizeLimit"
    if not is_quantity or not isinstance(wanted, str) or not isinstance(live, str):
        return False
    try:
        return quantities.parse(wanted) == quantities.parse(live)
    except InvalidOperation:
        return False
