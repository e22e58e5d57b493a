"""OPC UA: `address`, `decode`, `stream` and `faults` are pure; the rest speaks through asyncua."""
