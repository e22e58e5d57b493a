"""The demo: from nothing to machines whose data is stored at the MES, step by step, with a verdict at the end."""
