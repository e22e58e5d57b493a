"""Modbus TCP: `plan` and `decode` and `frame` are pure, `client` owns the socket."""
