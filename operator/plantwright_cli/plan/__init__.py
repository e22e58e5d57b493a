"""`plantwright plan`: what a change of the Git tree means for every plant, before it is merged.

`effects` compares two states (pure), `policies` the verdicts of policies on them, `render` writes the outcome for people,
pull requests and programs, `command` reads and prints.
"""
