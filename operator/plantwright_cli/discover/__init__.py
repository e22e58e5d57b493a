"""`plantwright discover`: what a machine offers, matched against what a contract wants, as a profile to review.

    walk (OPC UA) | modbus_csv  ->  candidates  ->  match (pure)  ->  profile (YAML) and report

`match` is deterministic, needs no network and learns nothing: a lexicon of shop-floor words, units by dimension, types,
and a one-to-one assignment. What it cannot find it lists; it never invents.
"""
