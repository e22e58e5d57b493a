"""Deltas of part counters, through rollovers and resets."""


def part_delta(before: int | None, now: int, rollover: int | None) -> int:
    """Parts made between two readings of a counter.

    Nothing is known before the first reading: 0. Without a rollover a fall is a reset, so the counter has since counted
    `now`. With one (65536 for a 16-bit register) a fall is a wrap while it means less than half the range; a
    larger step is a reset too, since no machine makes half a counter's range between two readings.
    """
    if before is None:
        return 0
    if now >= before:
        return now - before
    return now if is_reset(before, now, rollover) else now + (rollover or 0) - before


def is_reset(before: int | None, now: int, rollover: int | None) -> bool:
    """Whether a counter fell and did not wrap: what it shows then counts as made since, and that is a guess worth telling."""
    if before is None or now >= before:
        return False
    return rollover is None or now >= rollover or not 0 <= now + rollover - before < rollover // 2


def as_count(value: object) -> int | None:
    """A reading as a count, or None for what cannot be one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
