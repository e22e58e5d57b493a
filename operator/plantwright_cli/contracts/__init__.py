"""Commands about contracts: what changed between two versions and whom it touches, and documents of the ODCS.

`versions` picks contracts from files and merges them with their bases, `touched` finds the machines, `rendering` makes tables;
these are pure. `command` reads and prints.
"""
