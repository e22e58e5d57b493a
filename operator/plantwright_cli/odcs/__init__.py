"""DataContracts to and from documents of the Open Data Contract Standard (ODCS) v3.

`document` reads, checks and writes documents, `complaints` says what is wrong with one; `importing` and `exporting` translate
and are pure; `ledger` keeps account of what was translated, so that everything else is listed as lost and nothing goes
silently; `vocabulary` holds the words that stand for each other.
"""
