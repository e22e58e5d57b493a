"""The short way of a whole record: generated functions that judge all its values at once.

`fine` says that every value and every rule over them is fine and gives what is delivered, or nothing: then nothing was
changed that counts, and the values are judged one by one. `sift` makes those verdicts, with the plain check only where a value
is not fine at a glance. Both may judge a value that is judged again: at one source time a check says the same twice. Their
source is made of guards, numbered, and of expressions in the form that `plantwright_api.expression` wrote them.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from plantwright_api.expression.program import ERRORS
from plantwright_api.wire.delivery import Scalar
from plantwright_gateway.check.compiled import CompiledSignal
from plantwright_gateway.check.rules import Across, Latest, Rule
from plantwright_gateway.check.verdict import Verdict

Values = tuple[Scalar, ...]
Times = tuple[int, ...]
"""Source times in ns, in the order of the record's signals, as values are."""
NAMES_OF_GUARDS: Final = re.compile(r"\b(raw|value|allowed|is_text|is_time|matches|by_bit|by_int|by_text)\b")


class RecordCheck(msgspec.Struct, frozen=True):
    """The functions over readings of these signals, in this order, each once.

    `fine` gives None unless all is fine, `sift` where it cannot tell.
    """

    signals: tuple[CompiledSignal, ...]
    names: tuple[str, ...]
    places: Mapping[str, int]
    """The place of each signal."""
    contracts: Mapping[str, tuple[tuple[str, int], ...]]
    """Their fields with the places of those, in the order of their first signals."""
    distinct: bool
    """No field comes twice."""
    fine: Callable[[Values, Times], Values | None]
    sift: Callable[[Values, Times], list[Verdict] | None]
    latest: Latest


def compile_record(signals: Sequence[CompiledSignal], across: Across) -> RecordCheck:
    """Make the functions; the signals are those of `across`, in its order."""
    writer = _Writer(signals, across)
    source = "\n".join([*writer.fine(), *writer.sift()])
    names = writer.names
    exec(compile(source, "<record>", "exec"), names)  # noqa: S102  made of this package's own pieces
    contracts: dict[str, tuple[tuple[str, int], ...]] = {}
    for index, signal in enumerate(signals):
        contracts[signal.contract] = (*contracts.get(signal.contract, ()), (signal.field, index))
    return RecordCheck(
        signals=tuple(signals),
        names=tuple(signal.name for signal in signals),
        places={signal.name: index for index, signal in enumerate(signals)},
        contracts=contracts,
        distinct=len({(signal.contract, signal.field) for signal in signals}) == len(signals),
        fine=names["fine"],
        sift=names["sift"],
        latest=across.latest,
    )


class _Writer:
    """Writes the source, and collects in `names` what it needs."""

    def __init__(self, signals: Sequence[CompiledSignal], across: Across) -> None:
        self._signals = list(enumerate(signals))
        self._across = across
        self.names: dict[str, Any] = {
            "__builtins__": {"bool": bool, "float": float, "int": int, "len": len, "str": str},
            "ERRORS": ERRORS,
            "Verdict": Verdict,
            "latest": across.latest,
        }
        for index, signal in self._signals:
            self.names[f"check_{index}"] = signal.check
            self.names[f"pace_{index}"] = signal.glance.pace
            self.names.update({f"{name}_{index}": value for name, value in signal.glance.names.items()})

    def fine(self) -> Iterator[str]:
        paced = [(index, self._delivered(index)) for index, signal in self._signals if signal.glance.pace]
        paced = [(index, value) for index, value in paced if self._signals[index][1].glance.guards]
        yield "def fine(values, times):"
        yield "    try:"
        yield f"        {self._each('raw_{}')}= values"
        for index, _ in paced:
            yield f"        passed_{index} = times[{index}] - pace_{index}.time_ns"
            yield f"        most_{index} = pace_{index}.limit * passed_{index}"
        yield f"        if {' and '.join(self._conditions(paced))}:"
        for index, value in paced:
            yield f"            pace_{index}.value, pace_{index}.time_ns = {value}, times[{index}]"
        yield f"            latest.values = found = {self._found()}"
        yield "            return found"
        yield from ("    except ERRORS:", "        pass", "    return None")

    def _found(self) -> str:
        delivered = [self._delivered(index) for index, _ in self._signals]
        as_they_came = all(value.startswith("raw_") for value in delivered)
        return "values" if as_they_came else f"({', '.join(delivered)},)"

    def sift(self) -> Iterator[str]:
        yield "def sift(values, times):"
        yield "    try:"
        yield f"        {self._each('raw_{}')}= values"
        yield "        return ["
        for index, signal in self._signals:
            fully = f"check_{index}(raw_{index}, times[{index}])"
            short = f"Verdict({self._delivered(index)}) if {self._condition(index)} else "
            yield f"            {'' if signal.glance.pace or not signal.glance.guards else short}{fully},"
        yield "        ]"
        yield from ("    except ERRORS:", "        return None")

    def _each(self, piece: str) -> str:
        return "".join(f"{piece.format(index)}, " for index, _ in self._signals)

    def _conditions(self, paced: Sequence[tuple[int, str]]) -> Iterator[str]:
        """All that must hold, what is cheap and often broken first."""
        for number, blocking in enumerate(self._across.blocking):
            self.names[f"blocking_{number}"] = blocking
            yield f"not blocking_{number}"
        for index, _ in self._signals:
            yield self._condition(index)
        for index, value in paced:
            yield f"passed_{index} > 0 and -most_{index} <= {value} - pace_{index}.value <= most_{index}"
        for number, rule in enumerate(self._across.rules):
            yield self._rule(number, rule)

    def _condition(self, index: int) -> str:
        """A value is fine at a glance; where nothing is known at a glance, its check says so."""
        guards = self._signals[index][1].glance.guards
        if not guards:
            verdict = f"verdict_{index}"
            return f"not (({verdict} := check_{index}(raw_{index}, times[{index}])).flag or {verdict}.refused)"
        conditions = [_numbered(guard.condition, index) for guard in guards]
        return f"({' or '.join(f'({each})' for each in conditions)})"

    def _delivered(self, index: int) -> str:
        guards = self._signals[index][1].glance.guards
        return _numbered(guards[0].delivers, index) if guards else f"verdict_{index}.value"

    def _rule(self, number: int, rule: Rule) -> str:
        """The rule over the record's own values as part of the function, over others' last values as a call."""
        places = {signal.field: index for index, signal in self._signals if signal.contract == rule.contract}
        if places.keys() >= set(rule.fields):
            values = {f"v{n}": self._delivered(places[field]) for n, field in enumerate(rule.fields)}
            own = {name: f"{name}_of_{number}" for name in rule.expression.names}
            self.names.update({own[name]: value for name, value in rule.expression.names.items()})
            return _inlined(rule.expression.source, values | own, number)
        self.names |= {f"holds_{number}": rule.holds, f"last_{number}": rule.last}
        arguments = [
            self._delivered(places[field]) if field in places else f"last_{number}.get({field!r})"
            for field in rule.fields
        ]
        return f"holds_{number}({', '.join(arguments)}) is not False"


def _numbered(guard: str, index: int) -> str:
    return NAMES_OF_GUARDS.sub(rf"\1_{index}", guard)


def _inlined(source: str, names: Mapping[str, str], number: int) -> str:
    """An expression's source with its names replaced."""
    tree = _Inliner(names, number).visit(ast.parse(source, mode="eval"))
    return f"({ast.unparse(tree)})"


class _Inliner(ast.NodeTransformer):
    """Replaces names, not texts, and spares the call of a check of arithmetic whose result is plainly a number."""

    PLAINLY: Final = {"finite": ("-1e15", "1e15"), "whole": ("-1000000000", "1000000000")}

    def __init__(self, names: Mapping[str, str], number: int) -> None:
        self._names, self._number, self._results = names, number, 0

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.parse(self._names.get(node.id, node.id), mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        self.generic_visit(node)
        if called not in self.PLAINLY:
            return node
        self._results += 1
        result, (low, high) = f"result_{self._number}_{self._results}", self.PLAINLY[called]
        written = f"({result} if {low} <= ({result} := {ast.unparse(node.args[0])}) <= {high} else {self._names[called]}({result}))"
        return ast.parse(written, mode="eval").body
