"""The words of the catalogue that the checks use. A test holds each against `plantwright_api.v1alpha1.reasons`.

They stand here as plain strings because the catalogue's package loads pydantic, which a gateway does not have.
"""

from typing import Final

BLOCKED: Final = "Blocked"
CHANGES_TOO_FAST: Final = "ChangesTooFast"
INCOMPLETE: Final = "Incomplete"
FIELD_STALE: Final = "FieldStale"
NOT_COMPUTABLE: Final = "NotComputable"
NOT_A_NUMBER: Final = "NotANumber"
NOT_IN_ENUM: Final = "NotInEnum"
OUT_OF_RANGE: Final = "OutOfRange"
NO_PSEUDONYM_KEY: Final = "NoPseudonymKey"
PATTERN_MISMATCH: Final = "PatternMismatch"
REQUIRED_MISSING: Final = "RequiredMissing"
RULE_VIOLATED: Final = "RuleViolated"
SIGNAL_UNREADABLE: Final = "SignalUnreadable"
TOO_LONG: Final = "TooLong"
TOO_SHORT: Final = "TooShort"
WRONG_TYPE: Final = "WrongType"
ALL_FIELDS_VALID: Final = "AllFieldsValid"
NOT_YET_CHECKED: Final = "NotYetChecked"
