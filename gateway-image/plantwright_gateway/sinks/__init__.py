"""Adapters that carry batches to where they are stored. Each is found through the entry point group `plantwright.sinks`."""
