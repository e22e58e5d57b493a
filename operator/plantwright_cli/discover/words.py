"""From a machine's names to concepts: split as programmers and German spell them, then look up. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from plantwright_cli.discover import lexicon

SHORTEST_IN_COMPOUND: Final = 4
LONGEST_PHRASE: Final = 3
LONGEST_WORD: Final = 64
"""Longer tokens are no words; they are looked up whole and never taken apart."""
UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
PLC_ADDRESS: Final = re.compile(
    r"%?\b(?:DB\d+[._]?DB[XBWD]\d+(?:\.\d)?|DB\d+\.(?:STRING|INT|REAL|DINT)\d+|[MIQEA][XBWD]\d+(?:\.\d)?)\b",
    re.IGNORECASE,
)
"""DB10.DBW4, MW100: where a value lies, not what it is."""
WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
FILLERS: Final = ("s", "n", "es", "")


class Mention(NamedTuple):
    """A concept and the word that stands for it in the text."""

    concept: str
    word: str


def _forms() -> dict[str, tuple[str, ...]]:
    """Form -> its concepts; a row named with a space gives each of its words that is a concept of its own."""
    found: dict[str, list[str]] = {}
    for row, forms in lexicon.ROWS.items():
        concepts = row.split() if all(word in lexicon.ROWS for word in row.split()) else [row.split()[0]]
        for form in forms.split():
            found.setdefault(form, []).extend(c for c in concepts if c not in found.get(form, ()))
    return {form: tuple(concepts) for form, concepts in found.items()}


FORMS: Final = _forms()
INSIDE: Final = sorted((form for form in FORMS if len(form) >= SHORTEST_IN_COMPOUND), key=len, reverse=True)


def tokens(text: str) -> list[str]:
    """Words of a name or sentence in lower case, without umlauts, numbers, PLC addresses and type prefixes."""
    plain = PLC_ADDRESS.sub(" ", unicodedata.normalize("NFC", text)).translate(UMLAUTS)
    found: list[str] = []
    for chunk in re.split(r"[^A-Za-z0-9]+", plain):
        words = [word.lower() for word in WORD.findall(chunk) if not word.isdigit()]
        if len(words) > 1 and words[0] in lexicon.HUNGARIAN and chunk[:1].islower():
            words = words[1:]
        found.extend(words)
    return found


@lru_cache(maxsize=65_536)
def mentions(text: str) -> tuple[Mention, ...]:
    """The concepts that a text names, in its order; unknown words stand for themselves as `=word`."""
    words = [word for word in tokens(text) if word not in lexicon.STOP]
    found: list[Mention] = []
    at = 0
    while at < len(words):
        taken, concepts = _longest(words, at)
        found.extend(concepts)
        at += taken
    return tuple(dict.fromkeys(found))


def _longest(words: list[str], at: int) -> tuple[int, list[Mention]]:
    """How many words the longest phrase at this place takes, and its concepts."""
    for count in range(min(LONGEST_PHRASE, len(words) - at), 0, -1):
        joined = "".join(words[at : at + count])
        if joined in FORMS:
            return count, [Mention(concept, " ".join(words[at : at + count])) for concept in FORMS[joined]]
    return 1, list(_compound(words[at]))


def _compound(word: str) -> Iterator[Mention]:
    """Parts of a compound; a word of which less than half is known stands for itself."""
    found, rest = [], word
    while len(word) <= LONGEST_WORD and (part := next((form for form in INSIDE if form in rest), "")):
        found.append((rest.index(part), part))
        rest = rest.replace(part, "#" * len(part), 1)
    known = sum(len(part) for _, part in found)
    if 2 * known < len(word):
        if len(word) > 1:
            yield Mention(f"={word}", word)
        return
    for _, part in sorted(found):
        for concept in FORMS[part]:
            yield Mention(concept, part)
    for left in rest.split("#"):
        if left in FORMS and left not in FILLERS:
            yield from (Mention(concept, left) for concept in FORMS[left])
