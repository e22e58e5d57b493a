"""What is done: gather from the cache, decide, build, apply what differs, write status. Runs only while leading.

`observed` (cache), `queue`, `reports` hold what is known; `machines`, `plants`, `catalog` reconcile one object each;
`controller` runs them.
"""
