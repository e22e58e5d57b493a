"""What the central MES wants of a machine: fetched, kept for when the MES is away, ready to be joined."""
