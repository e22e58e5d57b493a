"""Carries the stream to each sink: pages, batches, retries, bisection, watermarks. One loop per sink.

`batch` and `receipts` are pure; `loop` does the rest and knows no protocol.
"""

from plantwright_gateway.delivery.loop import Delivery, SinkHealth, Target

__all__ = ["Delivery", "SinkHealth", "Target"]
