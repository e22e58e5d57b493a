"""`plantwright quarantine`: what gateways keep out of the stream, and its replay. `forward` reaches a gateway, `render` shows."""
