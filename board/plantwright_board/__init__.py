"""The shop-floor board: one read-only page per plant, live, without the internet.

`feed` reads the gateways and the cluster, `model` makes rows of what they say (pure), `web` shows rows to viewers, `main` joins them.
"""
