"""Text in, tokens out."""

import re
from typing import Final, NamedTuple

from plantwright_api.expression.errors import ExpressionError

_TOKEN: Final = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<number>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
    | (?P<integer>[0-9]+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<operator>\|\||&&|==|!=|<=|>=|[-+*/%<>!?:,.()\[\]])
    """,
    re.VERBOSE,
)
"""Every alternative begins with another character than it ends on or repeats one class, so matching is linear."""
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
_ESCAPED: Final = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_CURES: Final = {
    "=": "one = compares nothing; write ==",
    "&": "write && for and",
    "|": "write || for or",
    "'": "the text has no closing '",
    '"': 'the text has no closing "',
    ";": "an expression is one term; join two with &&",
    "{": "there are no maps",
}


class Token(NamedTuple):
    """`kind` is number, integer, name, string, operator or end; `position` counts characters from 1."""

    kind: str
    text: str
    position: int


def tokens(text: str) -> list[Token]:
    """All tokens, an "end" at the end.

    Raises:
        ExpressionError: at the first character that begins no token.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(at + 1, _CURES.get(text[at], f"{text[at]!r} has no meaning here"))
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), at + 1))
        at = match.end()
    return [*found, Token("end", "", len(text) + 1)]


def text_of(token: Token) -> str:
    """The text that a string token stands for.

    Raises:
        ExpressionError: for an escape that does not exist, or half a surrogate pair.
    """

    def escaped(match: re.Match[str]) -> str:
        code = match.group(1)
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            position = token.position + 1 + match.start()
            raise ExpressionError(position, f"\\{code} is no escape; there are \\\\ \\' \\\" \\n \\r \\t \\uXXXX")
        return _ESCAPED[code]

    text = _ESCAPE.sub(escaped, token.text[1:-1])
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ExpressionError(token.position, "half a surrogate pair is no text")
    return text
