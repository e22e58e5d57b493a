"""Policies from the command line: `plantwright lint` judges a Git tree offline, `plantwright policy render` writes what
the API server enforces. Both use the operator's own code, so verdicts and messages are the same."""
