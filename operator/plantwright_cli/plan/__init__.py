"""`plantwright plan`: what a change of the Git tree means for every plant, before it is merged.

`tree` holds the objects of one state, `effects` compares two states (pure), `render` writes the outcome for people, pull
requests and programs, `command` reads and prints.
"""
