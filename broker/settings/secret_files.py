"""Secret files: secrets are read from files, never from the settings themselves."""

import re
from pathlib import Path
from typing import Final

from broker.platform.operator_files import Unfit, content, exists, first_line
from broker.platform.toml_loader import Problem

SHORTEST = 22
"""Minimum length of a client secret: 22 characters of base64url carry 128 random bits."""


LOOKS_SECRET: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_-]{22,}", re.ASCII)
"""Pattern of a value that is probably a secret rather than a file name: long, without a dot, letters and digits
mixed. Problems do not repeat such a value."""


def read_secret(path: Path) -> str:
    """Reads a secret: the file's first line, stripped. Raises Unfit, a ValueError."""
    return first_line(content(path))


def file_problem(path: Path) -> tuple[str, str] | None:
    """The problem of a file that must be readable, and its fix. None if it can be read."""
    try:
        content(path)
    except Unfit as unfit:
        return _missing(path, unfit)
    return None


def _missing(path: Path, unfit: Unfit) -> tuple[str, str]:
    """Why a file cannot be read, and the fix."""
    if LOOKS_SECRET.fullmatch(path.name) and not exists(path):
        return "there is no such file, and the value looks like a secret", "put it into a file, and name the file"
    return unfit.what, unfit.fix


def secret_of(place: str, path: Path) -> str | Problem:
    """The secret in a file, which is read once, or the file's problem."""
    try:
        data = content(path)
    except Unfit as unfit:
        return Problem(place, *_missing(path, unfit))
    try:
        return first_line(data)
    except Unfit as unfit:
        return Problem(place, f"the file contains no secret: {unfit.what}", f"{unfit.fix}: {path}")


def secret_problem(place: str, path: Path, *, header: bool = False) -> Problem | None:
    """The problem of a secret's file, or None. With `header` the secret must be valid in an HTTP header field."""
    text = secret_of(place, path)
    if isinstance(text, Problem):
        return text
    if header and not (text.isascii() and text.isprintable() and " " not in text):
        return Problem(
            place, "it is not valid in an HTTP header", "generate random letters and digits: openssl rand -hex 32"
        )
    return None
