"""The reference MES: takes observations by HTTP and MQTT and stores each once in PostgreSQL.

It stands in for the user's own MES in the demo and in the tests. Nothing of the operator or the gateway depends on it.
"""
