"""Grafana dashboards as code: five builders, the JSON that the chart carries, and a check of every query.

`python -m plantwright_dashboards` writes the JSON. `queries` asks a Prometheus each panel's query, `preview` draws the
answers. Only the builders need Grafana's SDK; `queries` and `preview` read the JSON.
"""
