"""Tables in Markdown whose cells stay cells, whatever is in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

SPECIAL = re.compile(r"[\\\\`*\[\]<>|~$]")


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line.

    >>> print(escape("a|b `c` <d>"))
    a\\|b \\`c\\` \\<d\\>
    >>> escape("hubert_convexpruned_L6"), escape("_x_")
    ('hubert_convexpruned_L6', '\\\\_x\\\\_')
    """
    text = SPECIAL.sub(lambda sign: "\\" + sign[0], " ".join(text.split()))
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; the first column is text, the others are numbers.

    Args:
        columns: titles, Markdown.
        rows: cells, Markdown; text that somebody chose goes through `escape` first.
    """
    rule = ["-", *["-:"] * (len(columns) - 1)]
    return ["| " + " | ".join(cells) + " |" for cells in [columns, rule, *rows]]
