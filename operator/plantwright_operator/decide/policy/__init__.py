"""Policy as code: what a GovernancePolicy says of an object, the same at admission, at reconcile and in CI.

`cel` hides the CEL library and `tree` reads what it compiled; `shapes` knows the fields of our kinds and fills in the
API server's defaults; `analysis` holds an expression to them and bounds its cost; `compiling` makes a policy ready or says
why not; `judging` gives verdicts; `scope` tells which policies hold where; `admission` renders them for the API server.
"""
