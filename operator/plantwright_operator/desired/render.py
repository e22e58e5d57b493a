"""Fill a template and read the outcome back as an object.

Values enter as JSON, which is YAML too, so no value can end its place and begin another. What comes out is parsed by
libyaml and checked before anyone sends it.
"""

import json
import re
from importlib.resources import files
from typing import Any

import jinja2
import yaml

from plantwright_operator.model import Obj

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


class BadTemplateError(Exception):
    """A template gave something that is no Kubernetes object: a fault of ours, not of the user's."""


def _dumps(value: Any, **_: Any) -> str:
    """JSON that libyaml reads back unchanged.

    Characters beyond the basic plane stay as they are, since YAML knows no surrogate pairs; what YAML calls unprintable
    is escaped, as are the line breaks that only YAML knows.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _environment() -> jinja2.Environment:
    source = files(__package__) / "templates"
    templates = {entry.name: entry.read_text(encoding="utf-8") for entry in source.iterdir() if entry.is_file()}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(templates),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  (YAML, not HTML; every value goes through tojson)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["tojson"] = _dumps
    return environment


_ENVIRONMENT = _environment()


def render(template: str, values: dict[str, Any]) -> Obj:
    """The object that a template gives for these values.

    Raises:
        BadTemplateError: the outcome is no object with apiVersion, kind and name, or a value is missing.
    """
    try:
        text = _ENVIRONMENT.get_template(f"{template}.yaml.j2").render(values)
        rendered = yaml.load(text, Loader=yaml.CSafeLoader)
    except (jinja2.TemplateError, yaml.YAMLError, TypeError, ValueError) as error:
        raise BadTemplateError(f"{template}: {error}") from error
    return _checked(template, rendered)


def _checked(template: str, rendered: Any) -> Obj:
    if not isinstance(rendered, dict) or not all(isinstance(key, str) for key in rendered):
        raise BadTemplateError(f"{template}: no object")
    metadata = rendered.get("metadata")
    if not rendered.get("apiVersion") or not rendered.get("kind") or not isinstance(metadata, dict):
        raise BadTemplateError(f"{template}: apiVersion, kind or metadata is missing")
    if not metadata.get("name") or not metadata.get("namespace"):
        raise BadTemplateError(f"{template}: metadata.name or metadata.namespace is missing")
    return rendered
