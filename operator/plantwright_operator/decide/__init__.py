"""What should be: pure decisions. No asyncio, no socket, no clock; the time is an argument where it matters.

Each module judges one thing and says why, with a reason of `plantwright_api.v1alpha1.reasons`.
"""
