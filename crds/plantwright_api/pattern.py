"""Regular expressions of contracts and expressions, in RE2: matching time is linear in the text whatever the pattern, so none can hang.

RE2 is loaded when the first pattern is compiled: a gateway without patterns does not carry it.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

MEMORY: Final = 1 << 20
"""Bytes that one pattern may take, compiled; a pattern that needs more is refused."""


class PatternError(ValueError):
    """RE2 refuses the pattern; the message says why, and the cure where it is not plain."""


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A function that says whether the pattern is found anywhere in a text; `^` and `$` are the text's ends.

    The text must be encodable as UTF-8.

    Raises:
        PatternError: RE2 does not take the pattern.
    """
    search = _compiled(pattern, never_capture=True).search
    return lambda text: search(text) is not None


def compile_capture(pattern: str) -> Callable[[str], str | None]:
    """A function that gives what the pattern's first group took of its first match in a text, None where it took nothing.

    The text must be encodable as UTF-8.

    Raises:
        PatternError: RE2 does not take the pattern, or it has no group.
    """
    compiled = _compiled(pattern, never_capture=False)
    if not compiled.groups:
        raise PatternError("it has no group; put what is wanted of the text in parentheses, such as T([0-9]+)")
    search = compiled.search

    def captured(text: str) -> str | None:
        match = search(text)
        return None if match is None else match.group(1)

    return captured


def _compiled(pattern: str, *, never_capture: bool) -> Any:
    re2 = import_module("re2")
    options = re2.Options()
    options.max_mem, options.never_capture, options.log_errors = MEMORY, never_capture, False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise PatternError(_told(error)) from error


def _told(error: Exception) -> str:
    said = error.args[0]
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    cure = next((cure for word, cure in _CURES.items() if word in text), "")
    return f"{text}; {cure}" if cure else text


_CURES: Final = {
    "invalid perl operator": "RE2 knows no look-around and no conditions: what cannot match in linear time is left out",
    "invalid escape sequence": "RE2 knows no back references, and writes the end of the text \\z",
    "invalid repetition size": "at most 1000 repetitions, those of nested repetitions multiplied",
    "pattern too large": f"it needs more than {MEMORY >> 10} KiB compiled",
}
