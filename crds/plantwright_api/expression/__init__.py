"""A small expression language over the fields of a contract: checked when it is applied, compiled once, safe per value.

    state != 'Idle' || power < 5.0
    abs(inlet - outlet) <= 3.5 && program.startsWith('NC_')

Its syntax is a subset of CEL's (https://github.com/google/cel-spec): literals, field names, `+ - * / %`, comparison, `&& || !`,
`?:`, `in [list]` and the functions of `functions`. Patterns are RE2's and stand as text in quotes: they are compiled once.
There are no loops, no attributes, no assignment and no null. It differs from CEL where a person who writes rules for machines
would be surprised: `/` of two Integers is a Number (3 / 4 is 0.75), and Integers and Numbers may be mixed.

Types are Boolean, Integer, Number and String. A result that cannot be had (division by zero, a number beyond what the wire
carries, a text beyond its bound, a field that has no value) is None, "no value"; running a compiled expression never raises.

`syntax` reads text into a tree, `typing` gives every node its type, `program` makes a Python function of it. No I/O, no
dependency, shared by operator and gateway.
"""

from plantwright_api.expression.errors import ExpressionError
from plantwright_api.expression.program import Expression, compile_expression
from plantwright_api.expression.syntax import LONGEST_TEXT, MOST_NODES, names_in
from plantwright_api.expression.typing import FIELD_TYPES, Type

__all__ = [
    "FIELD_TYPES",
    "LONGEST_TEXT",
    "MOST_NODES",
    "Expression",
    "ExpressionError",
    "Type",
    "compile_expression",
    "names_in",
]
