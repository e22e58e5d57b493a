"""How well one candidate fits one contract field: 0..1, with the reasons in words. Pure and deterministic.

    score = (words + unit + type, each with its share) x what contradicts

Words: which of the field's concepts the candidate names, in its name, description, folders or unit. What contradicts (a
setpoint for an actual value, the coolant for the spindle, bar for kW) multiplies the score down, so that a decoy that has
the words right still falls below the acceptance score.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Final, NamedTuple

from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_cli.discover import codes, companions, lexicon, units
from plantwright_cli.discover.candidates import Candidate
from plantwright_cli.discover.words import Mention, mentions, tokens

WORDS, UNIT, TYPE = 0.75, 0.15, 0.10
"""Shares of the score."""
LEAST_WORDS: Final = 0.35
"""A candidate that names less than this of a field's concepts is no candidate for it."""
SOURCES: Final = (1.0, 0.95)
"""How much a concept counts that stands in the name, and in the description."""
FOLDERS: Final = (0.85, 0.7, 0.5)
"""How much one counts that stands in the folder above, in the one above that, and so on."""
IMPLIED: Final = 0.85
"""How much one counts that only the unit gives away."""
LIGHT: Final[Mapping[str, float]] = {
    **dict.fromkeys(("number", "name", "actual", "total", "closed", "operating"), 0.5),
    **dict.fromkeys(lexicon.GROUPS["place"] | lexicon.GROUPS["quality"], 0.8),
}
"""Weights of the field's concepts that say less than the others, which weigh 1."""
CONTRADICTION: Final[Mapping[str, float]] = {
    "aspect": 0.45,
    "quality": 0.3,
    "place": 0.5,
    "quantity": 0.5,
    "thing": 0.6,
}
"""What a concept of the same group that the field does not name leaves of the score."""
FOLDER_CONTRADICTION: Final = 0.75
"""The same for a place that only a folder names."""
EXCLUDED_UNIT: Final = 0.15
SIMILAR: Final = 0.84
"""Ratio from which two unknown words count as the same, misspelt or inflected."""

FITS: Final[Mapping[tuple[str, str], float]] = {
    ("Boolean", "Integer"): 0.6,
    ("Integer", "Number"): 0.7,
    ("Number", "Integer"): 1.0,
    ("Timestamp", "String"): 0.5,
}
"""(wanted, offered) types that are not equal and can fill the field all the same."""
MISFIT: Final = 0.3


class Match(NamedTuple):
    """One candidate for one field: score 0..1, and why, best reasons first."""

    candidate: int
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """A contract field as the matching sees it."""

    field: ContractField

    @cached_property
    def concepts(self) -> dict[str, float]:
        """What the field's name says -> how much it weighs."""
        return {m.concept: LIGHT.get(m.concept, 1.0) for m in mentions(self.field.name) if m.concept != "actual"}

    @cached_property
    def tolerated(self) -> frozenset[str]:
        """Concepts that contradict nothing: the field's own, those of its description and their companions."""
        named = {m.concept for m in mentions(self.field.description or "")} - lexicon.GROUPS["aspect"]
        near = {c for concept in self.concepts for c in lexicon.COMPATIBLE.get(concept, ())}
        return frozenset(named | near | set(self.concepts))

    @cached_property
    def coded(self) -> bool:
        """A machine may give it as a number that stands for a name."""
        return self.field.type == "String" and bool(self.field.enum)


@dataclass(frozen=True)
class Offered:
    """A candidate as the matching sees it; its concepts are read once for all fields."""

    candidate: Candidate

    @cached_property
    def name(self) -> tuple[Mention, ...]:
        """Concepts of the name itself, or of the companion specification that defines it."""
        fixed = companions.meaning(self.candidate.companion)
        return tuple(Mention(c, self.candidate.name) for c in fixed) or mentions(self.candidate.name)

    @cached_property
    def description(self) -> tuple[Mention, ...]:
        """Concepts of the description, without what it says of codes."""
        return mentions(codes.without_list(self.candidate.description))

    @cached_property
    def concepts(self) -> dict[str, tuple[float, str]]:
        """Concept -> how much it counts and where it stands."""
        found: dict[str, tuple[float, str]] = {}
        for weight, where, told in self._sources():
            for mention in told:
                if weight > found.get(mention.concept, (0, ""))[0]:
                    found[mention.concept] = (weight, f"{where} {mention.word!r}")
        return found

    @cached_property
    def own(self) -> frozenset[str]:
        """Concepts of the name and description."""
        return frozenset(m.concept for m in (*self.name, *self.description))

    def _sources(self) -> Iterator[tuple[float, str, Sequence[Mention]]]:
        fixed = companions.meaning(self.candidate.companion)
        yield SOURCES[0], companions.title(self.candidate.companion) if fixed else "name", self.name
        yield SOURCES[1], "description", self.description
        for weight, folder in zip(FOLDERS, reversed(self.candidate.path), strict=False):
            yield weight, "folder", mentions(folder)
        implied = units.quantity(self.candidate.unit)
        if implied:
            yield IMPLIED, "unit", (Mention(implied, self.candidate.unit),)


def match(wanted: Wanted, offered: Offered, index: int) -> Match | None:
    """Score one candidate for one field; None where it is none for it."""
    share, reasons = _words(wanted, offered)
    if _same_meaning(wanted.field, offered.candidate):
        share, reasons = 1.0, [f"the companion specification's {offered.candidate.name} is what semanticId names"]
    elif tokens(wanted.field.name) == tokens(offered.candidate.name):
        share, reasons = 1.0, ["the same name"]
    if share < LEAST_WORDS:
        return None
    unit = units.agree(wanted.field.unit, offered.candidate.unit)
    fit, fit_reason = _fit(wanted, offered.candidate)
    score = WORDS * share + UNIT * unit.share + TYPE * fit
    for left, reason in _against(wanted, offered):
        score *= left
        reasons.append(reason)
    if unit.excludes:
        score *= EXCLUDED_UNIT
    if fit <= MISFIT:
        score *= MISFIT
    reasons += [text for text in (unit.reason, fit_reason, _in_range(wanted.field, offered.candidate)) if text]
    return Match(index, round(min(score, 1.0), 3), tuple(reasons))


def _words(wanted: Wanted, offered: Offered) -> tuple[float, list[str]]:
    """Which share of the field's concepts the candidate names, and where."""
    total = sum(wanted.concepts.values())
    reached, reasons = 0.0, []
    for concept, weight in wanted.concepts.items():
        found, where = _nearest(concept, offered.concepts)
        reached += weight * found
        if found:
            reasons.append(f"{concept.removeprefix('=')}: {where}")
    return (reached / total if total else 0.0), reasons


def _nearest(concept: str, offered: Mapping[str, tuple[float, str]]) -> tuple[float, str]:
    best = offered.get(concept, (0.0, ""))
    for (wanted, other), nearness in lexicon.RELATED.items():
        if wanted == concept and other in offered and nearness * offered[other][0] > best[0]:
            best = nearness * offered[other][0], offered[other][1]
    if concept.startswith("=") and not best[0]:
        best = max((_alike(concept, other, found) for other, found in offered.items()), default=best)
    return best


def _alike(concept: str, other: str, found: tuple[float, str]) -> tuple[float, str]:
    """Two words that the lexicon does not know: the same one misspelt, or the beginning of the other."""
    one, two = concept.removeprefix("="), other.removeprefix("=")
    if not other.startswith("="):
        return 0.0, ""
    short, long = sorted((one, two), key=len)
    begins = len(short) >= 4 and long.startswith(short)
    if begins or SequenceMatcher(None, one, two, autojunk=False).ratio() >= SIMILAR:
        return 0.85 * found[0], found[1]
    return 0.0, ""


def _against(wanted: Wanted, offered: Offered) -> Iterator[tuple[float, str]]:
    """What the candidate says that contradicts the field; each group counts once."""
    for group, left in CONTRADICTION.items():
        strange = sorted((offered.own & lexicon.GROUPS[group]) - wanted.tolerated)
        if strange and not _tells_more(group, wanted, offered):
            yield left, f"but it is {strange[0]}"
    folders = set(offered.concepts) - offered.own
    strange = sorted((folders & lexicon.GROUPS["place"]) - wanted.tolerated)
    if strange and not offered.own & lexicon.GROUPS["place"] & set(wanted.concepts):
        yield FOLDER_CONTRADICTION, f"but it belongs to {strange[0]}"


def _tells_more(group: str, wanted: Wanted, offered: Offered) -> bool:
    """It names the wanted quantity too, and everything else that the field names: the other word only adds to it."""
    if group != "quantity":
        return False
    return bool(lexicon.GROUPS[group] & set(wanted.concepts)) and set(wanted.concepts) <= offered.own


def _fit(wanted: Wanted, candidate: Candidate) -> tuple[float, str]:
    kind = candidate.kind
    if not kind or kind == wanted.field.type:
        return (1.0, "") if kind else (0.7, "the machine names no type")
    if kind == "Integer" and wanted.coded:
        return 1.0, "a code that stands for a name"
    fit = FITS.get((wanted.field.type, kind), 0.0)
    return fit, "" if fit == 1 else f"type {candidate.raw_type or kind} for {wanted.field.type}"


def _in_range(field: ContractField, candidate: Candidate) -> str:
    """What the value at hand says; it is told and not scored, for a machine may stand still."""
    value = candidate.sample
    if isinstance(value, bool) or not isinstance(value, int | float) or field.type not in ("Integer", "Number"):
        return ""
    scaled = float(value) * float(candidate.scale or 1) + float(candidate.offset or 0)
    given = units.converted(scaled, candidate.unit, field.unit)
    low, high = float(field.minimum or "-inf"), float(field.maximum or "inf")
    return "" if given is None or low <= given <= high else f"its value {value} is outside the contract's range"


def _same_meaning(field: ContractField, candidate: Candidate) -> bool:
    companion, meaning = candidate.companion, field.semantic_id
    if companion is None or not meaning or not meaning.startswith(companion.uri.rstrip("/")):
        return False
    return meaning.removeprefix(companion.uri.rstrip("/")).strip("/#").split("/")[-1] == companion.name
