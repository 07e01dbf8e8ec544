"""Secrets come from files of their own, never from the settings themselves."""

import re
from pathlib import Path
from typing import Final

from broker.platform.operator_files import Unfit, content, exists, first_line
from broker.platform.toml_loader import Problem

SHORTEST = 22
"""Characters of a client secret: 22 of base64url carry 128 random bits."""


LOOKS_SECRET: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_-]{22,}", re.ASCII)
"""A value that no file is called: long, without a dot, letters and digits mixed. It is not repeated in a problem."""


def read_secret(path: Path) -> str:
    """The secret in a file: its first line, without blanks around it. Raises Unfit, a ValueError."""
    return first_line(content(path))


def file_problem(path: Path) -> tuple[str, str] | None:
    """What is wrong with a file that must be readable, and its mend; None if nothing is."""
    try:
        content(path)
    except Unfit as unfit:
        if LOOKS_SECRET.fullmatch(path.name) and not exists(path):
            return "there is no such file, and this looks like a secret itself", "put it into a file, and name the file"
        return unfit.what, unfit.mend
    return None


def secret_problem(place: str, path: Path, *, header: bool = False) -> Problem | None:
    """What is wrong with a secret's file, if anything is. With `header` it must fit into a header field of HTTP."""
    if (trouble := file_problem(path)) is not None:
        return Problem(place, *trouble)
    try:
        text = read_secret(path)
    except Unfit as unfit:
        return Problem(place, f"the file holds no secret: {unfit.what}", f"{unfit.mend}: {path}")
    if header and not (text.isascii() and text.isprintable() and " " not in text):
        return Problem(place, "it cannot stand in a header", "draw letters and digits at random: openssl rand -hex 32")
    return None
