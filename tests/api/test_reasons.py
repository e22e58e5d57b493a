"""The catalogue of reasons holds together."""

from plantwright_api.v1alpha1.reasons import CONDITION_NAMES, REASONS


def test_every_reason_belongs_to_a_condition() -> None:
    assert [reason.name for reason in REASONS if reason.condition not in CONDITION_NAMES] == []


def test_no_reason_is_listed_twice_for_a_condition() -> None:
    keys = [(reason.condition, reason.name) for reason in REASONS]
    assert len(keys) == len(set(keys))
