"""The outermost layer: kopf's watching, the process's start and end, its probes and metrics over HTTP."""
