"""Input that is wrong, or made to hurt: refused or bounded within seconds, with a word that names field and cure.

Rows run a command as a user does. What takes a server that lists nodes for ever is in tests/discover/test_discover_walk.py; that
a running gateway goes on under such input in tests/check and tests/gateway.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from plantwright_cli.app import app
from plantwright_cli.errors import UserError

Obj = dict[str, Any]
LONGEST = 5.0
"""Seconds that any of these may take."""
HUNG = "(a+)+$"
BOMB = "\n".join(
    [
        "apiVersion: plantwright.io/v1alpha1",
        "kind: DataContract",
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)),
        "spec: *a9",
    ]
)


def contract(name: str, **spec: Any) -> Obj:
    fields = [{"name": "power", "type": "Number", "required": True}]
    return {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "DataContract",
        "metadata": {"name": name, "namespace": "plant"},
        "spec": {"name": name, "version": "1.0.0", "fields": fields, **spec},
    }


def policy(expression: str, **rule: Any) -> Obj:
    return {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "GovernancePolicy",
        "metadata": {"name": "p", "namespace": "plant"},
        "spec": {
            "owner": {"team": "T"},
            "rules": [{"name": "r", "kinds": ["DataContract"], "message": "m", **rule, "expression": expression}],
        },
    }


def texts(*objects: Obj) -> dict[str, str]:
    """Files of these objects; as JSON, which is YAML too and written in no time."""
    return {f"{number}.yaml": json.dumps(obj) for number, obj in enumerate(objects)}


def fields(count: int) -> list[Obj]:
    return [{"name": f"f{number}", "type": "Number"} for number in range(count)]


def outcome(words: list[str]) -> tuple[int, str]:
    """Exit status and all that was said, errors as `main` prints them; nothing may end in a traceback."""
    done = CliRunner().invoke(app, words)
    if isinstance(done.exception, UserError):
        return 2, str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


NESTED = "object.spec.fields.all(a, object.spec.fields.all(b, object.spec.fields.all(c, a.name != b.name || b.name != c.name)))"
CHAIN = {"lifecycle": "Draft"}

TREES: dict[str, tuple[dict[str, str], int, str]] = {
    "cyclic extension": (
        texts(contract("a", extends={"name": "b"}, **CHAIN), contract("b", extends={"name": "a"}, **CHAIN)),
        1,
        "the chain of bases comes back to itself: a 1.0.0 -> b 1.0.0 -> a 1.0.0",
    ),
    "extension of itself": (texts(contract("a", extends={"name": "a"}, **CHAIN)), 1, "comes back to itself"),
    "unknown unit": (
        texts(contract("a", fields=[{"name": "speed", "type": "Number", "unit": "rpm"}])),
        1,
        "did you mean 1/min",
    ),
    "pattern that no engine takes": (
        texts(contract("a", fields=[{"name": "s", "type": "String", "pattern": "(?=x)("}])),
        1,
        "spec.fields[s].pattern",
    ),
    "pattern that grows beyond all bounds": (
        texts(contract("a", fields=[{"name": "s", "type": "String", "pattern": "((a{1,100}){1,100}){1,100}"}])),
        1,
        "spec.fields[s].pattern",
    ),
    "pattern built to hang, which RE2 does not": (
        texts(contract("a", fields=[{"name": "s", "type": "String", "pattern": HUNG}])),
        0,
        "well",
    ),
    "10,000 fields": (texts(contract("a", fields=fields(10_000))), 1, "Too many: 10000: must have at most 500 items"),
    "10,000 rules": (
        texts(
            contract("a", rules=[{"name": f"r{n}", "expression": "power > 1.0", "message": "m"} for n in range(10_000)])
        ),
        1,
        "spec.rules: Too many: 10000",
    ),
    "division by zero in a contract's rule": (
        texts(contract("a", rules=[{"name": "r", "expression": "power / 0 > 1.0", "message": "m"}])),
        1,
        "a division by zero never has a value",
    ),
    "division by zero in a policy": (
        texts(policy("1 / (size(object.spec.fields) - 1) > 0"), contract("a")),
        1,
        "could not be judged: divide by zero",
    ),
    "policy that does not compile": (texts(policy("object.spec.fields.all(")), 1, "spec.rules[r].expression"),
    "policy that costs too much": (texts(policy(NESTED)), 1, "it may cost too much"),
    "policy with a pattern of a field": (
        texts(policy("object.spec.name.matches(object.spec.description)")),
        1,
        "matches() takes a regular expression written as a literal",
    ),
    "policy with a pattern built to hang": (
        texts(policy(f"!object.metadata.name.matches('{HUNG}')"), contract("b" + "a" * 60 + "b")),
        0,
        "well",
    ),
    "aliases that multiply": ({"0.yaml": BOMB}, 2, "its aliases stand for more than"),
    "an alias of itself": ({"0.yaml": "kind: DataContract\na: &a [*a]\n"}, 2, "its aliases stand for more than"),
    "lists without end": ({"0.yaml": "a: " + "[" * 5_000}, 2, "0.yaml"),
    "a day that is none": (
        {"0.yaml": "apiVersion: plantwright.io/v1alpha1\nkind: Plant\nmetadata: {name: a}\nspec: 2027-02-31\n"},
        1,
        "spec: Invalid value",
    ),
    "bytes": ({"0.yaml": "\x00\x01\x02"}, 2, "0.yaml: no YAML"),
}


@pytest.mark.parametrize("row", TREES)
def test_lint_answers_in_words_and_in_time(row: str, tmp_path: Path) -> None:
    files, code, says = TREES[row]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    began = time.monotonic()
    found, said = outcome(["lint", str(tmp_path), "-o", "json" if code < 2 else "text"])
    assert time.monotonic() - began < LONGEST
    if code == 0:
        found, said = outcome(["lint", str(tmp_path)])
    assert (found, says in said) == (code, True), said[:2000]


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "contract diff": lambda file: ["contract", "diff", file, file],
    "contract export": lambda file: ["contract", "export", file],
    "plan": lambda file: ["plan", "--before", file, file],
    "report": lambda file: ["report", file],
    "discover": lambda file: ["discover", __file__, "--contract", file],
    "check": lambda file: ["check", "-f", file],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(BOMB, "its aliases stand for more than", id="aliases"),
        pytest.param(
            json.dumps(contract("a", fields=fields(10_000))),
            "spec.fields",
            id="10,000 fields",
            marks=pytest.mark.slow,
        ),
        pytest.param("a: [", "no YAML", id="no YAML"),
    ],
)
def test_every_command_names_the_file_and_ends_with_2(command: str, text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    began = time.monotonic()
    code, said = outcome(COMMANDS[command](str(file)))
    assert time.monotonic() - began < LONGEST
    assert (code, f"{file}: " in said, says in said) == (2, True, True), said[:2000]


ODCS: dict[str, tuple[str, str]] = {
    "a picture": ("\x89PNG\r\n\x1a\n", "x.odcs.yaml"),
    "a list": ("[1, 2]", "no ODCS document"),
    "one of ours": (json.dumps(contract("a")), "x.odcs.yaml"),
    "aliases that multiply": (BOMB, "x.odcs.yaml"),
    "lists without end": ("a: " + "[" * 5_000, "x.odcs.yaml"),
}


@pytest.mark.parametrize("row", ODCS)
def test_an_odcs_document_that_is_none(row: str, tmp_path: Path) -> None:
    text, says = ODCS[row]
    file = tmp_path / "x.odcs.yaml"
    file.write_text(text)
    began = time.monotonic()
    code, said = outcome(["contract", "import", str(file)])
    assert time.monotonic() - began < LONGEST
    assert (code, says in said) == (2, True), said[:2000]
