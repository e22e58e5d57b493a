"""Hold an expression to the fields that there are, and bound what it may cost.

A walk over the tree that gives every node its shape. It finds what the CEL library cannot see, because objects are dynamic
to it: a field that no object of the kind has, a comparison that can never be true. And it adds up a cost for the largest
object that the CRDs allow, in the units of the API server (k8s.io/apiserver, cel library costs): what passes here stays within the budget that
a ValidatingAdmissionPolicy has at run time, so admission never gives up where the operator does not.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil

from plantwright_operator.decide.policy import cel
from plantwright_operator.decide.policy.shapes import (
    ANY,
    BOOLEAN,
    INTEGER,
    LONGEST_STRING,
    STRING,
    Shape,
    array,
    optional,
)
from plantwright_operator.decide.policy.tree import Call, Comprehension, Constant, Elements, Name, Node, Select

MOST_COST = 1_000_000
"""Of one expression: what the API server gives it."""
MOST_ITERATIONS = 10_000
"""Of one expression: what the CEL library gives it."""
_LIST_COST = 10
_PASSING = frozenset(
    ("_[_]", "_?._", "_[?_]", "_?_:_", "_&&_", "_||_", "!_", "or", "orValue", "hasValue", "value", "size")
)
"""Functions that do not look through their arguments."""

Scope = Mapping[str, Shape]


class AnalysisError(ValueError):
    """The expression cannot be used; the message says why and what would help."""


@dataclass(slots=True)
class Findings:
    """What a walk found out: the variables used, and the cost and iterations in the worst case."""

    used: set[str] = field(default_factory=set)
    cost: int = 0
    iterations: int = 0


def analyse(tree: Node, variables: Scope) -> Findings:
    """Check an expression against the variables of one kind.

    Raises:
        AnalysisError: a variable or field that is not there, a function that is not offered, or a cost beyond the bounds.
    """
    walk = _Walk(variables)
    walk.shape(tree, variables, 1)
    found = walk.findings
    if found.iterations > MOST_ITERATIONS or found.cost > MOST_COST:
        raise AnalysisError(
            f"it may cost too much: up to {found.iterations} iterations (at most {MOST_ITERATIONS}) and {found.cost} cost "
            f"units (at most {MOST_COST}) for the largest object; nest fewer all(), exists(), map() and filter()"
        )
    return found


@dataclass(slots=True)
class _Walk:
    variables: Scope
    findings: Findings = field(default_factory=Findings)

    def shape(self, node: Node, scope: Scope, times: int) -> Shape:
        """Shape of a node that is evaluated at most so many times."""
        self.findings.cost += times
        return _NODES[type(node)](self, node, scope, times)

    def constant(self, node: Constant, scope: Scope, times: int) -> Shape:
        if isinstance(node.value, str):
            return Shape("string", len(node.value), enum=(node.value,))
        if isinstance(node.value, bool):
            return BOOLEAN
        return INTEGER if isinstance(node.value, int) else ANY

    def name(self, node: Name, scope: Scope, times: int) -> Shape:
        if node.name in cel.VARIABLES and node.name in scope:
            self.findings.used.add(node.name)
        if node.name in scope:
            return scope[node.name]
        offered = ", ".join(self.variables)
        raise AnalysisError(f"variable {node.name} is not there for this kind; there is {offered}")

    def select(self, node: Select, scope: Scope, times: int) -> Shape:
        found = _field(self.shape(node.operand, scope, times), node.field, node.operand)
        return BOOLEAN if node.test_only else found

    def elements(self, node: Elements, scope: Scope, times: int) -> Shape:
        self.findings.cost += times * _LIST_COST * (1 if node.keys is None else 3)
        shapes = [self.shape(part, scope, times) for part in node.elements]
        for key in node.keys or ():
            self.shape(key, scope, times)
        return Shape("array" if node.keys is None else "map", len(shapes), _merged(shapes))

    def comprehension(self, node: Comprehension, scope: Scope, times: int) -> Shape:
        over = self.shape(node.over, scope, times)
        rounds = times * max(over.most, 1)
        self.findings.iterations += rounds
        initial = self.shape(node.initial, scope, times)
        inner = {**scope, **_loop_variables(node, over), node.accumulator: initial}
        self.shape(node.condition, inner, rounds)
        step = self.shape(node.step, inner, rounds)
        grown = replace(step, most=over.most) if step.kind == "array" else step
        return self.shape(node.result, {**scope, node.accumulator: grown}, times)

    def call(self, node: Call, scope: Scope, times: int) -> Shape:
        shapes = [self.shape(part, scope, times) for part in node.arguments]
        judge = _CALLS.get(node.function)
        if judge is None:
            offered = ", ".join(sorted(name for name in _CALLS if name.isidentifier()))
            raise AnalysisError(f"{node.function}() is not offered to policies; there is {offered}")
        if node.function not in _PASSING:
            self.findings.cost += times * sum(_weight(each) for each in shapes)
        if node.function == "matches":
            self.findings.cost += times * self._pattern_cost(node.arguments[-1], shapes[0])
        return judge(node, shapes)

    @staticmethod
    def _pattern_cost(pattern: Node, text: Shape) -> int:
        if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
            raise AnalysisError("matches() takes a regular expression written as a literal")
        try:
            cel.check_pattern(pattern.value)
        except cel.CompileError as error:
            raise AnalysisError(f"{pattern.value!r} is no regular expression (RE2): {error}") from error
        return ceil((text.most + 1) / 10) * ceil(len(pattern.value) / 4)


_NODES: dict[type, Callable[..., Shape]] = {
    Constant: _Walk.constant,
    Name: _Walk.name,
    Select: _Walk.select,
    Elements: _Walk.elements,
    Comprehension: _Walk.comprehension,
    Call: _Walk.call,
}


def _loop_variables(node: Comprehension, over: Shape) -> dict[str, Shape]:
    items = over.items or ANY
    key = STRING if over.kind == "map" else INTEGER
    if node.second:
        return {node.first: key, node.second: items}
    return {node.first: STRING if over.kind == "map" else items}


def _field(shape: Shape, name: str, node: Node) -> Shape:
    """The field of a shape; an optional's field is optional."""
    if shape.kind == "optional" and shape.items is not None:
        return optional(_field(shape.items, name, node))
    if shape.kind == "map" and shape.items is not None:
        return shape.items
    if shape.kind == "any":
        return ANY
    if name in shape.fields:
        return shape.fields[name]
    near = difflib.get_close_matches(name, shape.fields, n=1)
    cure = (
        f"did you mean {near[0]}?" if near else f"there is {', '.join(sorted(shape.fields)) or 'none: it is no object'}"
    )
    raise AnalysisError(f"{_words(node)}: there is no field {name}; {cure}")


def _words(node: Node) -> str:
    """The node as a person wrote it, as far as it is a path."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Select):
        return f"{_words(node.operand)}.{node.field}"
    if isinstance(node, Call) and node.function in ("_?._", "_[_]", "_[?_]"):
        key = node.arguments[1]
        text = key.value if isinstance(key, Constant) else "…"
        return (
            f"{_words(node.arguments[0])}.?{text}"
            if node.function == "_?._"
            else f"{_words(node.arguments[0])}[{text}]"
        )
    return "…"


def _merged(shapes: list[Shape]) -> Shape:
    """A shape that stands for all of them: the first with the bounds of the largest and the values of all."""
    known = [shape for shape in shapes if shape.kind != "any"]
    if not known:
        return ANY
    enums = [shape.enum for shape in known]
    enum = tuple(value for values in enums for value in values) if all(enums) else ()
    return replace(known[0], most=max(shape.most for shape in known), enum=enum)


def _weight(shape: Shape) -> int:
    """What a function may cost over an argument: a tenth per character, one per entry."""
    if shape.kind == "string":
        return ceil(shape.most / 10)
    if shape.kind in ("array", "map"):
        return shape.most * max(1, _weight(shape.items or ANY) if shape.items else 1)
    return _weight(shape.items) if shape.kind == "optional" and shape.items else 1


def _compared(node: Call, shapes: list[Shape]) -> Shape:
    """== and != of what can never be equal are a slip: another type, or a word that the field does not know."""
    _check_types(node, shapes[0], shapes[1])
    for literal, other in ((0, 1), (1, 0)):
        if isinstance(node.arguments[literal], Constant):
            _check_words(shapes[other], shapes[literal])
    return BOOLEAN


def _contained(node: Call, shapes: list[Shape]) -> Shape:
    items = shapes[1].items if shapes[1].kind == "array" else None
    if items is not None:
        _check_types(node, shapes[0], items)
        if isinstance(node.arguments[1], Elements):
            _check_words(shapes[0], items)
        if isinstance(node.arguments[0], Constant):
            _check_words(items, shapes[0])
    return BOOLEAN


def _check_types(node: Call, left: Shape, right: Shape) -> None:
    scalars = ("string", "integer", "boolean")
    if left.kind in scalars and right.kind in scalars and left.kind != right.kind:
        raise AnalysisError(f"{_words(node.arguments[0])}: type {left.kind} never equals type {right.kind}")


def _check_words(known: Shape, literal: Shape) -> None:
    strange = [value for value in literal.enum if known.enum and value not in known.enum]
    if strange:
        raise AnalysisError(f"{strange[0]!r} is never its value; there is {', '.join(known.enum)}")


def _constant_key(node: Call) -> str | None:
    key = node.arguments[1]
    return key.value if isinstance(key, Constant) and isinstance(key.value, str) else None


def _optional_field(node: Call, shapes: list[Shape]) -> Shape:
    key = _constant_key(node)
    inner = shapes[0].items if shapes[0].kind == "optional" and shapes[0].items else shapes[0]
    return optional(_field(inner, key, node.arguments[0])) if key is not None else optional(ANY)


def _index(node: Call, shapes: list[Shape]) -> Shape:
    key = _constant_key(node)
    if shapes[0].kind == "object" and key is not None:
        return _field(shapes[0], key, node.arguments[0])
    return shapes[0].items or ANY


def _optional_index(node: Call, shapes: list[Shape]) -> Shape:
    inner = shapes[0].items if shapes[0].kind == "optional" and shapes[0].items else shapes[0]
    key = _constant_key(node)
    if inner.kind == "object" and key is not None:
        return optional(_field(inner, key, node.arguments[0]))
    return optional(inner.items or ANY)


def _added(node: Call, shapes: list[Shape]) -> Shape:
    found = _merged(shapes)
    items = [shape.items for shape in shapes if shape.items is not None and shape.items.kind != "any"]
    total = sum(shape.most for shape in shapes)
    return replace(found, most=total, items=items[0] if items else found.items, enum=())


def _same_text(node: Call, shapes: list[Shape]) -> Shape:
    return Shape("string", shapes[0].most)


def _joined(node: Call, shapes: list[Shape]) -> Shape:
    separator = shapes[1].most if len(shapes) > 1 else 0
    each = (shapes[0].items or STRING).most or LONGEST_STRING
    return Shape("string", shapes[0].most * (each + separator))


def _otherwise(node: Call, shapes: list[Shape]) -> Shape:
    inner = shapes[0].items or ANY
    return replace(_merged([inner, shapes[1]]), enum=())


def _always(shape: Shape) -> Callable[[Call, list[Shape]], Shape]:
    return lambda node, shapes: shape


_TESTS = ("_&&_", "_||_", "!_", "_<_", "_<=_", "_>_", "_>=_", "@not_strictly_false", "hasValue", "matches")
_CALLS: dict[str, Callable[[Call, list[Shape]], Shape]] = {
    **dict.fromkeys((*_TESTS, "startsWith", "endsWith", "contains"), _always(BOOLEAN)),
    **dict.fromkeys(("size", "indexOf", "lastIndexOf", "int", "_-_", "_*_", "_/_", "_%_", "-_"), _always(INTEGER)),
    **dict.fromkeys(("lowerAscii", "upperAscii", "trim", "substring"), _same_text),
    **dict.fromkeys(("_==_", "_!=_"), _compared),
    "string": _always(Shape("string", 20)),
    "charAt": _always(Shape("string", 1)),
    "split": lambda node, shapes: array(Shape("string", shapes[0].most), shapes[0].most + 1),
    "join": _joined,
    "@in": _contained,
    "_+_": _added,
    "_?_:_": lambda node, shapes: _merged(shapes[1:]),
    "_[_]": _index,
    "_?._": _optional_field,
    "_[?_]": _optional_index,
    "orValue": _otherwise,
    "or": lambda node, shapes: shapes[0],
    "value": lambda node, shapes: shapes[0].items or ANY,
}
"""What is offered to policies, by the library's names: what is the same in the API server and here, and grows no text
beyond a bound. replace() can multiply, format() rounds differently, timestamps would need a clock."""
