"""Secrets come from files of their own, never from the settings themselves."""

import re
from pathlib import Path
from typing import Final

from broker.toml import Problem

SHORTEST = 22
"""Characters of a client secret: 22 of base64url carry 128 random bits."""


LOOKS_SECRET: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_-]{22,}", re.ASCII)
"""A value that no file is called: long, without a dot, letters and digits mixed. It is not repeated in a problem."""


def secret(path: Path) -> str:
    """The secret in a file: its first line. Raises OSError or ValueError."""
    line = path.read_text("utf-8").partition("\n")[0].strip()
    if not line:
        raise ValueError("its first line is empty")
    return line


def unreadable(path: Path) -> tuple[str, str] | None:
    """What is wrong with a file that must be readable, and its mend; None if nothing is."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        if LOOKS_SECRET.fullmatch(path.name):
            return "there is no such file, and this looks like a secret itself", "put it into a file, and name the file"
        return "the file is missing", f"create {path}, or name another file"
    except OSError as problem:
        return f"the file cannot be read: {problem.strerror}", f"let the broker's user read {path}"
    return None


def unusable_secret(place: str, path: Path) -> Problem | None:
    """What is wrong with a secret's file, if anything is."""
    if (trouble := unreadable(path)) is not None:
        return Problem(place, *trouble)
    try:
        secret(path)
    except ValueError as problem:
        return Problem(place, f"the file holds no secret: {problem}", f"write the secret, as text, into {path}")
    return None
