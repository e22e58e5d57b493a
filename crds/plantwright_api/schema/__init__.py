"""Makes the CRD YAML from the models: `python -m plantwright_api.schema [--check]`."""
