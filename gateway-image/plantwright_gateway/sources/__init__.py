"""Adapters that read machines, one folder per protocol; only the one in use is ever imported."""
