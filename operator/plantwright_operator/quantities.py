"""Kubernetes quantities: `500m`, `1Gi`, `0.5`."""

from decimal import Decimal

_SUFFIXES = {
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
}


def parse(text: str) -> Decimal:
    """The number that a quantity stands for.

    Raises:
        decimal.InvalidOperation: it is none.
    """
    for suffix, factor in _SUFFIXES.items():
        if text.endswith(suffix):
            return Decimal(text[: -len(suffix)]) * factor
    return Decimal(text)


def larger(one: str, other: str | None) -> str:
    """The larger of two quantities, as it was written; a claim never shrinks."""
    return other if other is not None and parse(other) > parse(one) else one
