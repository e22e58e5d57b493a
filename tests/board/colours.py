"""Contrast of two colours, by WCAG 2.2 (relative luminance of sRGB)."""

import re


def contrast(one: str, other: str) -> float:
    """1 to 21, of two colours as browsers write them: rgb(1, 2, 3)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(part) / 255) for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
