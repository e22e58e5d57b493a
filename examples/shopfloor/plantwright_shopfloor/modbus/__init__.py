"""A Modbus TCP server: bytes (frame), registers (image), layouts of machines, and the asyncio server."""
