"""The one package all others import: the Kubernetes API and what operator, gateway and MES say to each other.

`v1alpha1` holds the objects a user writes (pydantic), `wire` what programs exchange at run time (msgspec, so that a
gateway never loads pydantic), `schema` the generator of the CRD YAML beside this package.
"""

GROUP = "plantwright.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
