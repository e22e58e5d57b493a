"""The command line `plantwright`: contracts, mapping and commissioning from a laptop or a CI job, no cluster needed.

`app` ties the commands together; a folder per subject holds its pure part and the module `command` that reads and prints.
"""
