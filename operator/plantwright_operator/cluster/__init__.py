"""Everything that goes over a wire to the cluster: the API server, the Lease, gateways' /status. The only place that
knows the Kubernetes client; its exceptions leave as the errors of `errors`.
"""
