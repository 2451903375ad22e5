"""Texts that whatever matches a regular expression has in it, found without knowing all of the expression."""

from __future__ import annotations

import re

_UNKNOWN = re.compile(r"\(\?[^:P]|\(\?P[^<]|\\[A-Zp]|\[:")
"""What changes the meaning of what follows, such as ``(?i)``, or is not read here."""
_TOKEN = re.compile(
    r"""
    \\(?P<escaped>[^\w\s])            # a character that would mean something
    | \\[dwsb]                       # a class, or a border
    | (?P<unread>\\)                  # any other escape
    | \[\^?\]?(?:\\.|[^\]\\])*\]      # a class
    | (?P<open>\(\?:|\(\?P<\w+>|\()
    | (?P<close>\))
    | (?P<or>\|)
    | (?P<often>[*?]|\{\d*,?\d*\})\??
    | (?P<some>\+\??)
    | [.^$]
    | (?P<plain>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SHORTEST = 3
_MOST = 2


def required_texts(pattern: str) -> tuple[str, ...]:
    """
    Return at most two texts that are in every text that RE2 finds *pattern* in, the longest; none where it is not sure.

    Only what stands outside of parentheses is looked at.
    """
    if _UNKNOWN.search(pattern):
        return ()
    runs, depth = [""], 0
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup
        if kind == "unread" or (kind == "or" and depth == 0):
            return ()
        if kind in {"open", "close"}:
            depth += 1 if kind == "open" else -1
            runs.append("")
        elif depth == 0:
            _take(runs, kind, token)
    found = sorted({run for run in runs if len(run) >= _SHORTEST}, key=lambda run: (-len(run), run))
    return tuple(found[:_MOST])


def _take(runs: list[str], kind: str | None, token: re.Match[str]) -> None:
    """Go on with a token: a character that is there belongs to the last run, all else begins a new one."""
    if kind in {"plain", "escaped"}:
        runs[-1] += token[kind]
    elif kind == "often":
        # The character before may be missing.
        runs[-1] = runs[-1][:-1]
        runs.append("")
    else:
        runs.append("")
