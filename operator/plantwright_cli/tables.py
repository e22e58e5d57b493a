"""Tables as all commands print them: cells fold where the terminal is narrow, so that nothing is cut."""

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table


def table(*columns: str, title: str = "") -> Table:
    """An empty table. Cells are read as markup; `plain` makes a text that is none."""
    made = Table(title=plain(title) or None, title_justify="left", box=SIMPLE, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def plain(text: str) -> str:
    """The text with its square brackets, which are part of our paths and not of a style."""
    return escape(text)
