"""What a unit is, once read: a dimension, an exact factor to UCUM's base units, and what a factor cannot say."""

from dataclasses import dataclass
from fractions import Fraction

Dimension = tuple[int, ...]
"""Exponents, in the order of `table.DIMENSIONS`."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit. Value in base units = value x factor + offset.

    `counts`: it names what it counts, as {part} does. `shares`: it is a share of a whole, as % is. UCUM calls both pure
    numbers; a count that turned into percent would be nonsense all the same. `annotations` are the texts in braces: they
    carry no meaning in UCUM, but two that differ are not silently taken for one. `opaque`: the code of a unit that equals
    only itself, with `opaque_word` for its sort (a logarithmic, an arbitrary one); "" for all others.
    """

    dimension: Dimension
    factor: Fraction
    offset: Fraction = Fraction(0)
    counts: bool = False
    shares: bool = False
    annotations: frozenset[str] = frozenset()
    opaque: str = ""
    opaque_word: str = ""

    @property
    def special(self) -> bool:
        """It stands alone: no product or power of it has a meaning."""
        return bool(self.offset) or bool(self.opaque)


@dataclass(frozen=True, slots=True)
class Conversion:
    """An exact conversion: target value = source value x scale + offset."""

    scale: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)

    @property
    def nothing(self) -> bool:
        """The two units are the same."""
        return self.scale == 1 and self.offset == 0

    def after(self, scale: Fraction, offset: Fraction) -> "Conversion":
        """This conversion of a value that is `raw x scale + offset`."""
        return Conversion(self.scale * scale, self.scale * offset + self.offset)


class UnknownUnitError(ValueError):
    """The text is no unit that we know. Says which part, and what was perhaps meant."""


class IncompatibleUnitsError(ValueError):
    """No conversion leads from one unit to the other. Says why."""
