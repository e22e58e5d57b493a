"""Numbers between ODCS, where they are JSON numbers, and our API, where they are decimal strings. No float is ever made."""

from decimal import Context, Decimal

from plantwright_cli.odcs.vocabulary import MAX_DECIMAL

_LARGEST_EXPONENT = 999
_EXACT = Context(prec=2 * MAX_DECIMAL)
"""The usual context would round to 28 digits."""


def text_of(number: int | float | Decimal) -> str | None:
    """The number as a decimal string of our API, None where it has no place in 40 characters.

    A float stands for the shortest decimal that reads as it, which is what its author wrote.
    """
    exact = number if isinstance(number, Decimal) else Decimal(str(number))
    if not exact.is_finite() or abs(exact.adjusted()) > _LARGEST_EXPONENT:
        return None
    plain = f"{exact:f}" if abs(exact.adjusted()) < MAX_DECIMAL else ""
    text = plain if 0 < len(plain) <= MAX_DECIMAL else f"{_EXACT.normalize(exact):e}"
    return text if len(text) <= MAX_DECIMAL else None


def number_of(text: str) -> int | Decimal:
    """The number that a decimal string of our API says, whole ones as int."""
    exact = Decimal(text)
    return int(exact) if exact == exact.to_integral_value() and exact.adjusted() < MAX_DECIMAL else exact
