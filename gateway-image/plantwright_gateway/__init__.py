"""The gateway: one process that reads machines, holds values to contracts, keeps them safe and delivers them.

    source -> decode -> check -> contextualize -> buffer -> deliver -> sink

`app` wires it together; `ports` says what a source and a sink must do; `check` and `context` are pure.
"""

__version__ = "0.1.0"
