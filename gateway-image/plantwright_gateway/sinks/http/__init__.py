"""Batches by HTTP POST."""
