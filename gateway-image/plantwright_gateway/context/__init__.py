"""Context of a value: where it comes from, when the plant works, what the machine does. Pure: `now` is an argument.

`place` names things, `times` writes them down, `calendar` knows shifts, `counters` and `kpi` count, `events` builds rows.
"""
