"""Read our objects from files and folders as kubectl does: YAML or JSON, several documents, Lists."""

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pydantic
import yaml

from plantwright_api.v1alpha1 import MODELS, KubernetesObject
from plantwright_cli.errors import UserError
from plantwright_operator.decide.policy.crds import without_nulls

GROUP = "plantwright.io/"
SUFFIXES = (".yaml", ".yml", ".json")

LARGEST = 2_000_000
"""Values in one file, aliases written out: what is more is a trap and no tree."""


DEEPEST = 1_000
"""Brackets in brackets: no object of ours goes deeper than twenty."""
_BRACKETS = re.compile(r"[\[\]{}]")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads plain scalars as kubectl does, where 2027-03-31 and 14:00 are texts; on libyaml, ten times as fast, if there."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are each given once: kubectl refuses a second one, and which counts would be a guess."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


_PLAIN = {
    "int": r"[-+]?(?:0b[0-1_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)",
    "float": r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}
"""YAML 1.1 without its dates and numbers to the base of 60."""
_replaced = {f"tag:yaml.org,2002:{name}" for name in (*_PLAIN, "timestamp")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _replaced]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
for _name, _pattern in _PLAIN.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), list("-+0123456789" + "." * (_name == "float"))
    )

Model = TypeVar("Model", bound=KubernetesObject)


class Source(NamedTuple):
    """One object as it is written, and the file it came from."""

    path: str
    body: dict[str, Any]


class Manifest(NamedTuple):
    """One object and the file it came from."""

    path: str
    body: dict[str, Any]
    obj: KubernetesObject


Known = dict[str, list[Manifest]]
"""What texts that were read already hold: two states of a tree are alike for the most part."""


def read(paths: Iterable[str], known: Known | None = None) -> list[Manifest]:
    """Our objects in these files and folders; `-` is standard input. Objects of other groups are left out.

    Args:
        paths: files and folders.
        known: give the same one to several calls, and a text that comes again is not read again.

    Raises:
        UserError: a file that is not there or no YAML, or an object that is none of ours though it says so.
    """
    texts = (found for path in paths for found in _texts(path))
    seen = {} if known is None else known
    return [manifest for path, text in texts for manifest in _remembered(path, text, seen)]


def sources(paths: Iterable[str]) -> list[Source]:
    """Our objects as they are written, whether or not they can be read as what they say they are.

    Raises:
        UserError: a file that is not there or no YAML.
    """
    texts = (found for path in paths for found in _texts(path))
    return [Source(path, body) for path, text in texts for body in _bodies(path, text)]


def of_source(source: Source) -> Manifest:
    """The object.

    Raises:
        UserError: it is none of ours though it says so.
    """
    return Manifest(source.path, source.body, _parsed(source.path, source.body))


def of_kind(manifests: Iterable[Manifest], model: type[Model]) -> list[Model]:
    """The objects of one kind."""
    return [manifest.obj for manifest in manifests if isinstance(manifest.obj, model)]


def of_text(path: str, text: str) -> list[Manifest]:
    """Our objects in a text; `path` is what messages call it.

    Raises:
        UserError: as for `read`.
    """
    return [Manifest(path, body, _parsed(path, body)) for body in _bodies(path, text)]


def _remembered(path: str, text: str, known: Known) -> list[Manifest]:
    if text not in known:
        known[text] = of_text(path, text)
    return [manifest._replace(path=path) for manifest in known[text]]


def _texts(path: str) -> Iterator[tuple[str, str]]:
    """Each file's path and content."""
    if path == "-":
        yield "standard input", sys.stdin.read()
        return
    place = Path(path)
    if not place.exists():
        raise UserError(f"{path}: there is no such file or folder")
    for file in sorted(_files(place)) if place.is_dir() else [place]:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: cannot be read: {error}") from error


def _files(folder: Path) -> Iterator[Path]:
    """Manifests below a folder; what tools keep beside them (.git, node_modules) is none."""
    for place in folder.iterdir():
        if place.is_dir():
            yield from _files(place) if place.name != "node_modules" and not place.name.startswith(".") else ()
        elif place.suffix in SUFFIXES:
            yield place


def _bodies(path: str, text: str) -> list[dict[str, Any]]:
    if _depth(text) > DEEPEST:
        raise UserError(f"{path}: its lists or mappings are nested too deep to be read")
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
        size = _size(documents, {})
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise UserError(f"{path}: its lists or mappings are nested too deep to be read") from error
    if size > LARGEST:
        raise UserError(f"{path}: its aliases stand for more than {LARGEST} values; write out what is meant")
    found = [body for document in documents for body in _objects(document)]
    return [b for b in found if str(b.get("apiVersion", "")).startswith(GROUP) and b.get("kind") in MODELS]


def _depth(text: str) -> int:
    """How deep brackets are open at most: a parser takes seconds for what goes down without end."""
    return max(accumulate((1 if bracket in "[{" else -1 for bracket in _BRACKETS.findall(text)), initial=0))


def _size(value: Any, known: dict[int, int]) -> int:
    """Values in a document with its aliases written out; one that holds itself is endless."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not parts:
        return 1
    if id(value) not in known:
        known[id(value)] = LARGEST + 1
        known[id(value)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(value)]


def _objects(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        return []
    if document.get("kind") == "List":
        return [item for item in document.get("items") or [] if isinstance(item, dict)]
    return [document]


def _parsed(path: str, body: dict[str, Any]) -> KubernetesObject:
    try:
        return MODELS[body["kind"]].model_validate(without_nulls(body))
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        name = (body.get("metadata") or {}).get("name", "?")
        raise UserError(f"{path}: {body['kind']} {name}: {field}: {first['msg']}") from error
