"""Operator files: read completely, decoded, and rejected with a fix if they are not valid.

Every file of the configuration is read here, so that `portico check` and `portico serve` read the same: a byte order
mark is not part of the content, line breaks may be those of any system, UTF-16 is reported instead of being taken for a
secret.
"""

import os
import stat
from pathlib import Path
from typing import Final

LARGEST: Final = 4 * 1024 * 1024
"""Maximum file size in bytes. A key set of hundreds of services is far below it."""

_MARK: Final = b"\xef\xbb\xbf"
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")


class Unfit(ValueError):
    """A file that cannot be used: `what` is wrong with it, and the `fix`. Neither contains its content."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def content(path: Path) -> bytes:
    """The bytes of a regular file. Raises Unfit if it is missing or cannot be read."""
    try:
        seen = path.stat()
        if stat.S_ISDIR(seen.st_mode):
            raise Unfit("this is a folder", f"name the file itself, such as {path / 'name'}")
        if not stat.S_ISREG(seen.st_mode):
            raise Unfit("this is not a regular file", f"put the content into a file: {path} may be read more than once")
        if seen.st_size > LARGEST:
            raise Unfit(f"the file has more than {LARGEST // 1024 // 1024} MiB", "name the right file")
        return path.read_bytes()
    except FileNotFoundError:
        raise Unfit("the file is missing", f"create {path}, or name another file") from None
    except ValueError as problem:
        if isinstance(problem, Unfit):
            raise
        raise Unfit("this is not a path", "name a file") from None
    except OSError as problem:
        fix = f"permit the broker's user to read {path}"
        raise Unfit(f"the file cannot be read: {problem.strerror}", fix) from None


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; False if that cannot be determined."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_special(path: Path) -> bool:
    """Whether a path is neither a file nor a folder, such as a pipe; False if that cannot be determined."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def exists(path: Path) -> bool:
    """Whether a path exists; True if that cannot be determined, so that reading it reports the reason."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return True


def is_named(path: Path) -> bool:
    """As `exists`; also True for a symbolic link without a target."""
    return os.path.islink(path) or exists(path)


def text(path: Path) -> str:
    """The text of a file, without its byte order mark. Raises Unfit."""
    return decoded(content(path))


def decoded(data: bytes) -> str:
    """Decodes UTF-8, without its byte order mark. Raises Unfit."""
    plain = unmarked(data)
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        raise Unfit("this is not UTF-8 text", "save it as UTF-8") from None


def unmarked(data: bytes) -> bytes:
    """Removes a UTF-8 byte order mark. Raises Unfit for UTF-16, which editors call "Unicode"."""
    if data.startswith(_WIDE) or (len(data) > 3 and b"\0" in data[:4]):
        raise Unfit("this is UTF-16 text", "save it as UTF-8")
    return data.removeprefix(_MARK)


def first_line(data: bytes) -> str:
    """The first line of a text, stripped: the format of secret files. Raises Unfit."""
    line = decoded(data).partition("\n")[0].strip()
    if not line:
        raise Unfit("its first line is empty", "write the secret, as text, into the first line")
    if line.startswith("-----BEGIN"):
        raise Unfit("it contains PEM, not a secret", "write the secret, as text, into the first line")
    if not line.isprintable():
        raise Unfit("its first line contains control characters", "write the secret, as text, into the first line")
    return line
