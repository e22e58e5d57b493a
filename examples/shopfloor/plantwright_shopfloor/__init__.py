"""A shop floor of simulated machines that number what they offer, and the oracle that compares it with what an MES stored.

It shares no code with gateway or operator, and its Modbus server none with any Modbus library.
"""
