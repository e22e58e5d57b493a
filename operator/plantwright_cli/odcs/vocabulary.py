"""Words of ODCS and of our API that stand for each other, and the bounds of what we can hold."""

from collections.abc import Mapping
from decimal import Decimal

API_VERSION = "v3.2.0"
VENDOR = "plantwright"
"""Marks custom properties that only our own programs understand."""
ID_ANNOTATION = "plantwright.io/odcs-id"
"""Where an imported contract keeps the id of the document it came from."""

TYPES: Mapping[str, str] = {
    "string": "String",
    "boolean": "Boolean",
    "integer": "Integer",
    "number": "Number",
    "timestamp": "Timestamp",
}
LOGICAL_TYPES: Mapping[str, str] = {ours: theirs for theirs, ours in TYPES.items()}
TEXT_TYPES = frozenset({"date", "time"})
"""Calendar dates and times of day are no points in time; they are carried as text."""

LIFECYCLES: Mapping[str, str] = {
    "draft": "Draft",
    "active": "Published",
    "deprecated": "Deprecated",
    "retired": "Retired",
}
STATUSES: Mapping[str, str] = {ours: theirs for theirs, ours in LIFECYCLES.items()}

CLASSES: Mapping[str, str] = {
    "public": "Public",
    "internal": "Internal",
    "confidential": "Confidential",
    "restricted": "Restricted",
    "personal": "Personal",
}

LATENCY = frozenset({"latency", "ly"})
"""Names of the service level that is our freshness; the standard prefers latency to freshness."""
SECONDS: Mapping[str, Decimal] = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), Decimal("0.001")),
    **dict.fromkeys(("s", "sec", "second", "seconds"), Decimal(1)),
    **dict.fromkeys(("min", "minute", "minutes"), Decimal(60)),
    **dict.fromkeys(("h", "hr", "hour", "hours"), Decimal(3600)),
    **dict.fromkeys(("d", "day", "days"), Decimal(86400)),
}
"""Units of a service level; `m` is left out because it may be a month."""

OURS = ("extends", "consumers", "completenessPercent", "completenessWindowSeconds")
"""Parts of a contract that the standard has no words for; its completeness counts rows, ours time."""
RETENTION = frozenset({"retention", "re"})
"""Names of the service level that is our retention."""
DAYS: Mapping[str, Decimal] = {
    **dict.fromkeys(("d", "day", "days"), Decimal(1)),
    **dict.fromkeys(("w", "week", "weeks"), Decimal(7)),
    **dict.fromkeys(("y", "yr", "year", "years"), Decimal(365)),
}
"""Units of a time for which data is kept; a month has no number of days, and a leap day is not kept for longer."""

MEANING = "ontology"
"""Type of the authoritative definition that is our semanticId."""
STEWARD = "Data Steward"
STEWARD_ROLES = frozenset({"data steward", "steward"})
OWNER_ROLES = frozenset({"owner", "data owner", "data product owner", "product owner"})
RULE_ENGINE = "cel"
"""Engine of the custom quality rules that are our cross-field rules."""

MAX_FRESHNESS = 86400
MAX_RETENTION = 36500
MAX_TEXT = 1024
MAX_SHORT_TEXT = 256
MAX_UNIT = 32
MAX_PATTERN = 256
MAX_MEANING = 512
MAX_ENUM = 256
MAX_ENUM_VALUE = 128
MAX_LENGTH = 65536
MAX_FIELDS = 500
MAX_DECIMAL = 40
