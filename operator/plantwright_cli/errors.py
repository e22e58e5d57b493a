"""What goes wrong because of what the user gave us."""


class UserError(Exception):
    """Its text names the file, the field and the cure; it is printed without a traceback, and the exit status is 2."""
