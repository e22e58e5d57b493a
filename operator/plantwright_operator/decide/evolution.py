"""Classify what changed between two versions of a contract, and which step of the version that takes.

Everything is decided by one table, JUDGEMENTS: what moved and how → what it means. Two sides are judged. For the consumer a
change is Breaking when data that keeps the new version need not keep the old one. For the producer it is Breaking when
a profile or machine that is accepted under the old version may be refused under the new one; a check that only judges
values more strictly breaks nobody, because values out of range are flagged or kept aside and the machine goes on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from plantwright_api.v1alpha1.datacontract import Consumer, DataContractSpec
from plantwright_operator.decide import shifts
from plantwright_operator.decide.versions import parse

Verdict = Literal["Additive", "Breaking", "Editorial"]
Step = Literal["none", "patch", "minor", "major"]
Terms = Mapping[str, Any]
"""A contract's spec, or one of its fields or rules, as JSON in the API's own names without what is absent."""

STEPS: tuple[Step, ...] = ("none", "patch", "minor", "major")


class Judgement(NamedTuple):
    """What one kind of change means. `loosens`: a consumer may now meet data that the old terms excluded."""

    consumer: Verdict
    producer: Verdict
    loosens: bool
    why: str


class Change(NamedTuple):
    """One difference. `path` is as in the object, such as `fields[power].maximum`; before and after are None if absent."""

    path: str
    before: Any
    after: Any
    judgement: Judgement

    @property
    def kind(self) -> Verdict:
        """The change as its consumers meet it."""
        return self.judgement.consumer

    @property
    def breaking(self) -> bool:
        """Whether it breaks either side."""
        return "Breaking" in (self.judgement.consumer, self.judgement.producer)


class StepVerdict(NamedTuple):
    """Whether the new version number says what the changes are."""

    needed: Step
    declared: Step
    enough: bool
    message: str


JUDGEMENTS: Mapping[tuple[str, str], Judgement] = {
    ("name", "changed"): Judgement("Breaking", "Breaking", True, "references to the old name no longer find it"),
    ("name", "added"): Judgement("Breaking", "Breaking", True, "references to the object's name no longer find it"),
    ("name", "removed"): Judgement("Breaking", "Breaking", True, "references to the old name no longer find it"),
    ("description", "changed"): Judgement("Editorial", "Editorial", False, "the terms are the same"),
    ("owner", "changed"): Judgement("Editorial", "Editorial", False, "someone else answers; the terms are the same"),
    ("consumers", "changed"): Judgement("Editorial", "Editorial", False, "who reads is written down; no term changes"),
    ("classification", "tighter"): Judgement(
        "Breaking", "Editorial", False, "who was cleared for the old class may not read the data any more"
    ),
    ("classification", "looser"): Judgement(
        "Breaking", "Editorial", True, "data handled as more sensitive opens up; what was agreed with its readers ends"
    ),
    ("pseudonymise", "tighter"): Judgement(
        "Breaking", "Breaking", False, "pseudonyms arrive instead of the values, and a plant without a key is refused"
    ),
    ("pseudonymise", "looser"): Judgement("Breaking", "Editorial", True, "the values themselves leave the plant"),
    ("retentionDays", "tighter"): Judgement(
        "Breaking", "Editorial", False, "history that readers may count on is deleted sooner"
    ),
    ("retentionDays", "looser"): Judgement("Breaking", "Editorial", True, "data is kept longer than was agreed"),
    ("completenessPercent", "tighter"): Judgement("Additive", "Additive", False, "less may be missing"),
    ("completenessPercent", "looser"): Judgement(
        "Breaking", "Editorial", True, "more may be missing than was promised"
    ),
    ("completenessWindowSeconds", "tighter"): Judgement(
        "Additive", "Additive", False, "the share holds of shorter times"
    ),
    ("completenessWindowSeconds", "looser"): Judgement(
        "Breaking", "Editorial", True, "the share holds of longer times only, so more may be missing in one go"
    ),
    ("freshnessSeconds", "tighter"): Judgement("Additive", "Additive", False, "data counts as stale sooner"),
    ("freshnessSeconds", "looser"): Judgement("Breaking", "Editorial", True, "data may be older than was promised"),
    ("extends", "changed"): Judgement(
        "Editorial", "Editorial", False, "what it inherits is compared field by field, as merged"
    ),
    ("fields", "added"): Judgement("Additive", "Additive", False, "a new field that machines may leave out"),
    ("fields", "addedRequired"): Judgement(
        "Additive", "Breaking", False, "a profile without a signal for the new required field is refused"
    ),
    ("fields", "removed"): Judgement(
        "Breaking", "Breaking", True, "who reads the field gets nothing, and a profile that fills it is refused"
    ),
    ("type", "changed"): Judgement("Breaking", "Breaking", True, "stored and computed values change their type"),
    ("unit", "added"): Judgement(
        "Additive", "Additive", False, "the unit was unsaid, and signals that name none fit it"
    ),
    ("unit", "removed"): Judgement("Breaking", "Breaking", True, "a number without its unit can mean anything"),
    ("unit", "changed"): Judgement("Breaking", "Breaking", True, "the same number means another quantity"),
    ("required", "tighter"): Judgement(
        "Additive", "Breaking", False, "a profile without a signal for the field is refused"
    ),
    ("required", "looser"): Judgement("Breaking", "Editorial", True, "the field may be missing"),
    ("minimum", "tighter"): Judgement("Additive", "Additive", False, "fewer values are in range"),
    ("minimum", "looser"): Judgement("Breaking", "Editorial", True, "values below the old minimum are in range now"),
    ("minimum", "respelled"): Judgement("Editorial", "Editorial", False, "the same number"),
    ("maximum", "tighter"): Judgement("Additive", "Additive", False, "fewer values are in range"),
    ("maximum", "looser"): Judgement("Breaking", "Editorial", True, "values above the old maximum are in range now"),
    ("maximum", "respelled"): Judgement("Editorial", "Editorial", False, "the same number"),
    ("minLength", "tighter"): Judgement("Additive", "Additive", False, "fewer texts are allowed"),
    ("minLength", "looser"): Judgement("Breaking", "Editorial", True, "shorter texts than before are allowed"),
    ("maxLength", "tighter"): Judgement("Additive", "Additive", False, "fewer texts are allowed"),
    ("maxLength", "looser"): Judgement(
        "Breaking", "Editorial", True, "longer texts than before overflow what stores them"
    ),
    ("maxChangePerSecond", "tighter"): Judgement("Additive", "Additive", False, "slower changes only are in range"),
    ("maxChangePerSecond", "looser"): Judgement("Breaking", "Editorial", True, "values may jump faster than before"),
    ("maxChangePerSecond", "respelled"): Judgement("Editorial", "Editorial", False, "the same number"),
    ("enum", "narrower"): Judgement(
        "Additive", "Breaking", False, "a profile that names a value which is gone is refused"
    ),
    ("enum", "wider"): Judgement("Breaking", "Editorial", True, "consumers meet values they do not know"),
    ("enum", "exchanged"): Judgement(
        "Breaking", "Breaking", True, "consumers meet values they do not know, and others are gone"
    ),
    ("enum", "reordered"): Judgement("Editorial", "Editorial", False, "the same values"),
    ("pattern", "added"): Judgement("Additive", "Additive", False, "fewer texts are allowed"),
    ("pattern", "removed"): Judgement("Breaking", "Editorial", True, "any text is allowed"),
    ("pattern", "changed"): Judgement(
        "Breaking",
        "Additive",
        True,
        "whether one pattern only narrows another cannot be told, so it counts as new texts",
    ),
    ("semanticId", "added"): Judgement("Additive", "Editorial", False, "what the field means is said now"),
    ("semanticId", "removed"): Judgement(
        "Breaking", "Editorial", True, "who finds fields by meaning no longer finds it"
    ),
    ("semanticId", "changed"): Judgement("Breaking", "Breaking", True, "the field means something else"),
    ("onViolation", "tighter"): Judgement(
        "Additive", "Additive", False, "what arrives meets more than before; what is kept back can be replayed"
    ),
    ("onViolation", "looser"): Judgement(
        "Breaking", "Editorial", True, "values out of range arrive that were kept back"
    ),
    ("rules", "added"): Judgement("Additive", "Additive", False, "one rule more is checked"),
    ("rules", "removed"): Judgement("Breaking", "Editorial", True, "data that broke the rule counts as good"),
    ("expression", "changed"): Judgement(
        "Breaking", "Additive", True, "whether one rule only narrows another cannot be told, so it counts as new data"
    ),
    ("message", "changed"): Judgement("Editorial", "Editorial", False, "the rule is the same"),
}
"""(attribute, how it moved) → what that means. The attribute is the last part of the path; an entry of `actions` is judged
as onViolation, of which it is the finer setting."""

UNKNOWN = Judgement("Breaking", "Breaking", True, "this program does not know the attribute, so it assumes the worst")

SHIFTS: Mapping[str, shifts.Shift] = {
    "name": shifts.stated,
    "description": shifts.changed,
    "owner": shifts.changed,
    "consumers": shifts.changed,
    "classification": shifts.ladder(shifts.CLASSIFICATIONS),
    "pseudonymise": shifts.demand,
    "retentionDays": shifts.ceiling,
    "completenessPercent": shifts.floor,
    "completenessWindowSeconds": shifts.ceiling,
    "freshnessSeconds": shifts.ceiling,
    "extends": shifts.changed,
    "type": shifts.changed,
    "unit": shifts.stated,
    "required": shifts.demand,
    "minimum": shifts.floor,
    "maximum": shifts.ceiling,
    "minLength": shifts.floor,
    "maxLength": shifts.ceiling,
    "maxChangePerSecond": shifts.ceiling,
    "enum": shifts.choice,
    "pattern": shifts.stated,
    "semanticId": shifts.stated,
    "onViolation": shifts.ladder(shifts.ACTIONS),
    "expression": shifts.changed,
    "message": shifts.changed,
}
"""How each attribute moves."""

_STATE = frozenset({"version", "lifecycle"})
"""What names an object or tells its state; no consumer relies on it as a term."""
_BY_NAME = ("fields", "rules")
_OF_THE_WHOLE = ("freshnessSeconds", "classification")
"""What a field that does not say it takes from its contract."""
TYPE_ACTION = "Quarantine"
"""What becomes of a value that cannot be interpreted, where nothing else is said."""


def terms(spec: DataContractSpec) -> dict[str, Any]:
    """The spec as JSON in the API's names; what is absent is left out."""
    dumped: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped


def compare(old: Terms, new: Terms) -> tuple[Change, ...]:
    """All differences, in the order of the object; give the terms as merged where a contract extends another."""
    found = list(_attributes("", old, new, skip=_STATE | set(_BY_NAME)))
    for collection in _BY_NAME:
        found += _members(collection, old, new)
    return tuple(found)


def broken_consumers(spec: DataContractSpec, changes: Iterable[Change]) -> list[Consumer]:
    """The consumers that the new terms break: those that read a field that changed so, or rely on the contract as a whole.

    Args:
        spec: the terms they rely on, the old ones.
        changes: what `compare` found.
    """
    paths = [change.path for change in changes if change.kind == "Breaking"]
    fields = {path.removeprefix("fields[").partition("]")[0] for path in paths if path.startswith("fields[")}
    whole = any(not path.startswith("fields[") for path in paths)
    return [c for c in spec.consumers if paths and (whole or not c.fields or fields & set(c.fields))]


def step(old_version: str, new_version: str, changes: Iterable[Change], *, draft: bool = False) -> StepVerdict:
    """Whether the step from one version to the other is enough for these changes.

    Below 1.0.0 the first part that is not 0 counts as the major one, as `^` in a reference takes it.

    Args:
        old_version: MAJOR.MINOR.PATCH.
        new_version: MAJOR.MINOR.PATCH.
        changes: what differs between them.
        draft: the old version was never published, so that it may change under its number.
    """
    needed = _needed(old_version, changes)
    declared = _declared(old_version, new_version)
    if draft and old_version == new_version:
        return StepVerdict(needed, declared, True, f"{old_version} is a draft and may change under its number")
    if parse(new_version) < parse(old_version):
        return StepVerdict(needed, declared, False, f"{new_version} is below {old_version}; give it a higher version")
    if STEPS.index(declared) >= STEPS.index(needed):
        return StepVerdict(needed, declared, True, f"the step from {old_version} to {new_version} says what changed")
    least = _raised(old_version, needed)
    return StepVerdict(
        needed,
        declared,
        False,
        f"the step from {old_version} to {new_version} is {_article(declared)}, and the changes take {_article(needed)}: "
        f"make it {least} or take them back",
    )


def _attributes(
    prefix: str, old: Terms, new: Terms, *, skip: Iterable[str], fallback: Terms | None = None
) -> Iterator[Change]:
    """Differences of plain attributes; `fallback` is (before, after) of what holds where an attribute is absent."""
    left_out = set(skip)
    for name in _ordered(old, new):
        before, after = old.get(name), new.get(name)
        if name in left_out or before == after:
            continue
        held = (fallback or {}).get(name, (None, None))
        yield Change(prefix + name, before, after, judge(name, _or(before, held[0]), _or(after, held[1])))


def judge(attribute: str, before: Any, after: Any) -> Judgement:
    """What it means that this attribute moved from one value to another; None is absent."""
    shift = SHIFTS.get(attribute)
    if shift is None:
        return UNKNOWN
    word = "respelled" if before == after else shift(before, after)
    return JUDGEMENTS.get((attribute, word), _SAME if before == after else UNKNOWN)


_SAME = Judgement("Editorial", "Editorial", False, "what held already is written down")


def _members(collection: str, old: Terms, new: Terms) -> Iterator[Change]:
    before, after = _named(old, collection), _named(new, collection)
    whole = {name: (old.get(name), new.get(name)) for name in _OF_THE_WHOLE}
    for name in dict.fromkeys((*before, *after)):
        path = f"{collection}[{name}]"
        if name not in after:
            yield Change(path, before[name], None, JUDGEMENTS[collection, "removed"])
        elif name not in before:
            word = "addedRequired" if after[name].get("required") else "added"
            yield Change(path, None, after[name], JUDGEMENTS[collection, word])
        else:
            skip = ("name", "actions")
            yield from _attributes(f"{path}.", before[name], after[name], skip=skip, fallback=whole)
            yield from _actions(f"{path}.", before[name], after[name])


def _actions(prefix: str, old: Terms, new: Terms) -> Iterator[Change]:
    """Differences of the actions per rule, judged by what holds: the rule's own, else the field's."""
    before, after = _named(old, "actions", "rule"), _named(new, "actions", "rule")
    for rule in dict.fromkeys((*before, *after)):
        was, now = (side.get(rule, {}).get("action") for side in (before, after))
        if was != now:
            held = (_or(was, _unsaid(rule, old)), _or(now, _unsaid(rule, new)))
            yield Change(f"{prefix}actions[{rule}]", was, now, judge("onViolation", *held))


def _unsaid(rule: str, field: Terms) -> str:
    return TYPE_ACTION if rule == "Type" else str(field.get("onViolation", "Flag"))


def _named(owner: Terms, collection: str, key: str = "name") -> dict[str, Terms]:
    return {member[key]: member for member in owner.get(collection) or ()}


def _ordered(old: Terms, new: Terms) -> Sequence[str]:
    return list(dict.fromkeys((*old, *new)))


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _needed(old_version: str, changes: Iterable[Change]) -> Step:
    listed = list(changes)
    if not listed:
        return "none"
    if any(change.breaking for change in listed):
        return _significant(old_version, 0)
    if any(change.kind == "Additive" or change.judgement.producer == "Additive" for change in listed):
        return _significant(old_version, 1)
    return "patch"


def _significant(old_version: str, below: int) -> Step:
    """The step `below` parts under the one that `^` keeps, patch at the least."""
    version = parse(old_version)
    first = next((part for part in range(3) if version[part]), 2)
    parts: tuple[Step, ...] = ("major", "minor", "patch")
    return parts[min(first + below, 2)]


def _declared(old_version: str, new_version: str) -> Step:
    old, new = parse(old_version), parse(new_version)
    parts: tuple[Step, ...] = ("major", "minor", "patch")
    return next((parts[part] for part in range(3) if old[part] != new[part]), "none")


def _raised(version: str, by: Step) -> str:
    major, minor, patch = parse(version)
    raised: dict[Step, tuple[int, int, int]] = {
        "none": (major, minor, patch),
        "patch": (major, minor, patch + 1),
        "minor": (major, minor + 1, 0),
        "major": (major + 1, 0, 0),
    }
    return ".".join(map(str, raised[by]))


def _article(step_: Step) -> str:
    return "none" if step_ == "none" else f"a {step_} one"
