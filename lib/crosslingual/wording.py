"""How results word themselves when they are printed."""

from __future__ import annotations

import textwrap

__all__ = ["paragraph"]

_WIDTH = 88  # characters: what a terminal and a page of the book show without scrolling


def paragraph(text: str) -> str:
    """Break a sentence into lines that need no scrolling; names and paths stay whole.

    Parameters
    ----------
    text : str
        On one line.
    """
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
