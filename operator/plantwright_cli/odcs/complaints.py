"""What the standard's JSON schema complains of, as a person reads it: the field, what is wrong, and the cure.

The validator's own texts speak of the schema (`should not be valid under {'required': ['from']}`) and repeat the document.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jsonschema import ValidationError

from plantwright_cli.odcs.ledger import Step, shown
from plantwright_cli.odcs.vocabulary import API_VERSION

RENAMED: Mapping[tuple[str, str], str] = {
    ("quality", "rule"): "metric",
    ("team", "comment"): "description",
    ("members", "comment"): "description",
    ("slaProperties", "column"): "element",
}
"""Names of v3.0, with the part they stand in, that have another one now."""

_LONGEST = 200


def complaint(error: ValidationError) -> tuple[list[Step], str]:
    """The place that does not fit, and what is wrong with it. What is missing or unknown is named itself, not its owner."""
    where: list[Step] = list(error.absolute_path)
    given: Any = error.instance
    wanted: Any = error.validator_value
    if error.validator == "required":
        missing = next(name for name in wanted if name not in given)
        return [*where, missing], f"it is missing; {API_VERSION} of the standard requires it here"
    strange = _strange(error)
    if strange is not None:
        part = next((step for step in reversed(where) if isinstance(step, str)), "")
        renamed = RENAMED.get((part, strange))
        cure = f"it is called {renamed} now" if renamed else "use customProperties"
        return [*where, strange], f"{API_VERSION} of the standard has no such field here; {cure}"
    words = _WORDS.get(str(error.validator))
    return where, (words(given, wanted) if words else None) or _otherwise(error)


def _strange(error: ValidationError) -> str | None:
    """The first field that the standard does not know, where the complaint is of one; only the text names it."""
    if error.validator not in ("unevaluatedProperties", "additionalProperties"):
        return None
    found = re.search(r"'([^']*)'(?=[ ,])", error.message.rpartition("(")[2])
    return found[1] if found else None


def _enum(given: Any, allowed: Sequence[Any]) -> str:
    return f"{shown(given)!r} is none of {_short(', '.join(map(str, allowed)))}"


def _type(given: Any, allowed: str | Sequence[str]) -> str:
    return f"{shown(given)!r} is no {allowed if isinstance(allowed, str) else ' or '.join(allowed)}"


def _forbidden(given: Any, branch: Any) -> str | None:
    names = [name for name in _required(branch) if name in given]
    return f"{' and '.join(names)} may not stand here; leave it out" if names else None


def _alternatives(given: Any, branches: Sequence[Any]) -> str | None:
    """A choice by which key is there: quality checks compare with one operator."""
    choices = dict.fromkeys(name for branch in branches for name in _required(branch))
    found = [name for name in choices if isinstance(given, Mapping) and name in given]
    return f"only one of {', '.join(found)} may stand here" if len(found) > 1 else None


def _required(branch: Any) -> Sequence[str]:
    return branch.get("required", ()) if isinstance(branch, Mapping) else ()


def _few(given: Sequence[Any], least: int) -> str:
    return f"it has {len(given)}, and takes {least} at least"


def _many(given: Sequence[Any], most: int) -> str:
    return f"it has {len(given)}, and takes {most} at most"


def _twice(given: Sequence[Any], _wanted: Any) -> str | None:
    twice = [value for index, value in enumerate(given) if value in given[:index]]
    return f"{shown(twice[0])!r} stands twice" if twice else None


def _pattern(given: Any, pattern: str) -> str:
    return f"{shown(given)!r} is not of the form {pattern}"


def _otherwise(error: ValidationError) -> str:
    if len(error.message) <= _LONGEST:
        return error.message
    return f"does not meet {error.validator} of the standard's schema"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_WORDS: Mapping[str, Callable[[Any, Any], str | None]] = {
    "enum": _enum,
    "type": _type,
    "not": _forbidden,
    "oneOf": _alternatives,
    "minItems": _few,
    "maxItems": _many,
    "uniqueItems": _twice,
    "pattern": _pattern,
}
"""What was given and what the schema wants, in words; None where the schema's own text says more."""
