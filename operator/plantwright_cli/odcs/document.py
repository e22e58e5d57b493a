"""Read, check and write ODCS documents.

Reading follows YAML 1.2: a date is text, `no` is a word, and a number with a point is a Decimal, so that 0.1 stays 0.1.
"""

import json
import re
from collections.abc import Hashable, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import yaml

from plantwright_cli.odcs.complaints import complaint
from plantwright_cli.odcs.ledger import label
from plantwright_cli.odcs.vocabulary import MAX_FIELDS

MAX_BYTES = 2 * 1024 * 1024
MAX_NODES = 50_000
"""Values in one document, aliases counted as often as they are used; the standard's full example has under 500."""


class OdcsError(Exception):
    """The document cannot be used; the text names the field and the cure."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}" if path else what)
        self.path = path


class _Loader(yaml.CSafeLoader):
    """YAML 1.2 scalars, and no key twice."""


class _Dumper(yaml.CSafeDumper):
    """Writes Decimals as the numbers they are, and quotes words that YAML 1.1 or 1.2 would take for something else."""


_SCALARS: tuple[tuple[str, str, str], ...] = (
    ("null", r"^(~|null|Null|NULL|)$", "~nN"),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("merge", r"^<<$", "<"),
)


def read(text: str) -> dict[str, Any]:
    """A document as plain values, numbers with a point as Decimal.

    Raises:
        OdcsError: no YAML, too large, or no mapping.
    """
    if len(text) > MAX_BYTES:
        raise OdcsError("", f"more than {MAX_BYTES} bytes, which no contract needs")
    try:
        document = yaml.load(text, _Loader)  # noqa: S506  (a safe loader)
    except (yaml.YAMLError, ValueError) as error:
        raise OdcsError("", f"no YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise OdcsError("", "nested deeper than any contract") from error
    if not isinstance(document, dict):
        raise OdcsError("", "no ODCS document: the file holds no mapping with apiVersion and kind DataContract")
    _bounded(document)
    return document


def check(document: Mapping[str, Any]) -> None:
    """Hold a document to the standard's JSON schema.

    Raises:
        OdcsError: with the path of the first field that does not fit.
    """
    for index, member in enumerate(_lists(document, "schema")):
        if len(_lists(member, "properties")) > MAX_FIELDS:
            path = label(document, ("schema", index, "properties"))
            raise OdcsError(path, f"more than {MAX_FIELDS} properties; a DataContract holds {MAX_FIELDS}, so split it")
    errors = list(_validator().iter_errors(document))
    error = jsonschema.exceptions.best_match([e for e in errors if e.validator != "unevaluatedProperties"] or errors)
    if error is not None:
        where, what = complaint(error)
        raise OdcsError(label(document, where) or "document", what)


def write(document: Mapping[str, Any]) -> str:
    """The document as YAML, in the order of its keys."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


@cache
def _validator() -> jsonschema.Draft201909Validator:
    schema = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft201909Validator(json.loads(schema))


def _lists(owner: Any, key: str) -> list[Any]:
    found = owner.get(key) if isinstance(owner, Mapping) else None
    return found if isinstance(found, list) else []


def _bounded(document: Any) -> None:
    """Count values as a walker meets them: a few aliases can stand for billions."""
    waiting, count = [document], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MAX_NODES:
            raise OdcsError("", f"more than {MAX_NODES} values, which no contract needs")
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    loader.flatten_mapping(node)
    found: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, "a key is no text", key_node.start_mark)
        if key in found:
            raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(str(loader.construct_scalar(node)))


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


def _literal(dumper: _Dumper, number: Decimal) -> yaml.ScalarNode:
    text = f"{number:f}" if abs(number.adjusted()) < 40 else f"{number:e}"
    mantissa, mark, exponent = text.partition("e")
    written = mantissa if "." in mantissa else f"{mantissa}.0"
    return dumper.represent_scalar("tag:yaml.org,2002:float", written + mark + exponent)


def _prepare() -> None:
    _Loader.yaml_implicit_resolvers = {}
    for name, pattern, first in _SCALARS:
        tag, firsts = f"tag:yaml.org,2002:{name}", [*first, *([""] * (name == "null"))]
        _Loader.add_implicit_resolver(tag, re.compile(pattern), firsts)
        _Dumper.add_implicit_resolver(tag, re.compile(pattern), firsts)
    _Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
    _Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
    _Loader.add_constructor("tag:yaml.org,2002:int", _integer)
    _Dumper.add_representer(Decimal, _literal)


_prepare()
