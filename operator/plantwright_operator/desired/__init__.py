"""The Kubernetes objects that should be there: model in, object out. Pure: no client, no clock.

`templates/` holds one Jinja2 template per Kubernetes kind; the modules build what goes into them. Nothing that a user
wrote is ever run as a template: it enters as a value and leaves as a JSON string.
"""
