"""Wires the gateway together and runs it: `python -m plantwright_gateway.app`.

watch -> Gateway -> MachineRuntime (one per machine)
                      source -> Receiver -> Pipeline -> Buffer -> Deliveries -> sinks
server: /status, /metrics, /healthz, /readyz, /quarantine
"""
