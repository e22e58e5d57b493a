"""Batches by MQTT publish."""
