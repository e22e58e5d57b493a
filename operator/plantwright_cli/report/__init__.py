"""`plantwright report`: by owner, what is broken, what is waived and what is due.

`entries` finds them in the objects of a cluster (pure), `render` writes them, `command` reads and prints.
"""
