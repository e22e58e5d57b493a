"""`plantwright top`: the shop-floor board in a terminal.

`stream` gets frames from a board, `picture` puts them together and draws them (pure), `command` reads and prints.
"""
