"""HTTP/1.1 over asyncio streams, for the two ends that a gateway has: it posts to an MES and answers scrapes.

h11 keeps the protocol's rules and does no I/O; `wire` moves its bytes. Neither end's decisions live here.
"""
