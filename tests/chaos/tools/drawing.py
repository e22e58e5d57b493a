"""Random values that a CRD's schema takes, its rules in CEL aside."""

import contextlib
import random
import re
from typing import Any

WORDS = (
    *(
        "press",
        "press-1",
        "stuttgart",
        "machine-state",
        "state",
        "temperature",
        "line-1",
        "a",
        "1.0.0",
        "^1",
        "1",
        "-20",
    ),
    *("90.5", "Cel", "s", "06:00", "22:00", "10Gi", "50m", "2027-03-31", "10.0.0.0/8", "Europe/Berlin", "DE", "A1"),
    *("opc.tcp://10.2.3.4:4840", "http://10.9.0.1:8090/v1", "mqtts://10.9.0.1:8883", "nsu=http://acme.example/;s=a"),
    *("ns=2;i=7", "state > 1", "someone@example.com", "https://example.com/a", "Überdruck größer als 5 bar"),
)


class UndrawableError(Exception):
    """No word fits a required field."""


class Drawing:
    """Draws values of a schema of a CRD; `chance` is how likely each optional field is there."""

    def __init__(self, source: random.Random, chance: float) -> None:
        self.random = source
        self.chance = chance

    def grown(self, value: Any, schema: Any) -> Any:
        """What is there stays; fields that are not there may come."""
        if isinstance(value, dict):
            known = schema.get("properties", {})
            kept = {name: self.grown(each, known.get(name, {})) for name, each in value.items()}
            return kept | self._optional({n: part for n, part in known.items() if n not in value})
        return [self.grown(each, schema.get("items", {})) for each in value] if isinstance(value, list) else value

    def drawn(self, schema: Any) -> Any:
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        draw = {
            "string": self._text,
            "integer": self._integer,
            "number": self._integer,
            "array": self._list,
            "object": self._object,
        }
        kind = schema.get("type")
        return draw[kind](schema) if kind in draw else self.random.random() < 0.5

    def _optional(self, parts: Any) -> Any:
        found = {}
        for name, part in parts.items():
            if self.random.random() < self.chance:
                with contextlib.suppress(UndrawableError):
                    found[name] = self.drawn(part)
        return found

    def _text(self, schema: Any) -> str:
        low, high = schema.get("minLength", 0), schema.get("maxLength", 1000)
        fits = [w for w in WORDS if low <= len(w) <= high and re.search(schema.get("pattern", ""), w)]
        if not fits:
            raise UndrawableError(schema.get("pattern"))
        return self.random.choice(fits)

    def _integer(self, schema: Any) -> int:
        low = int(schema.get("minimum", 0))
        return self.random.randint(low, min(int(schema.get("maximum", low + 1000)), low + 1000))

    def _list(self, schema: Any) -> list[Any]:
        low = schema.get("minItems", 0)
        count = self.random.randint(low, max(low, min(schema.get("maxItems", 2), 2)))
        return [self.drawn(schema["items"]) for _ in range(count)]

    def _object(self, schema: Any) -> Any:
        if "additionalProperties" in schema:
            return {self.random.choice(WORDS[:6]): self.drawn(schema["additionalProperties"])}
        known, needed = schema.get("properties", {}), sorted(schema.get("required", ()))
        return {name: self.drawn(known[name]) for name in needed} | self._optional(
            {name: part for name, part in known.items() if name not in needed}
        )
