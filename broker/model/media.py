"""Media types of `Content-Type` (RFC 9110 8.3), their character sets, and quality values."""

import re
from typing import Final

_PARAMETER: Final = re.compile(
    r";[ \t]*(?:(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?P<value>\"(?:\\.|[^\"\\])*\"|[^;\"]*))?[^;]*"
)

_QUALITY: Final = re.compile(r"[0-9](?:\.[0-9]*)?|\.[0-9]+", re.ASCII)


def quality(parameters: str) -> float:
    """Quality value of one member of `Accept` or `Accept-Language` (RFC 9110 12.4.2), 1 if there is none.

    Only the parameter `q` (or `Q`) counts. An invalid number gives 0.
    """
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "q":
            value = value.strip()
            return float(value) if _QUALITY.fullmatch(value) else 0.0
    return 1.0


def media_type(content_type: str | None) -> str:
    """Type and subtype in lower case, without parameters; "" if the header is missing."""
    return (content_type or "").partition(";")[0].strip(" \t").lower()


def charsets(content_type: str | None) -> frozenset[str]:
    """All character sets that the parameters name, in lower case. Other parameters are ignored.

    A malformed parameter, such as an empty one after a trailing semicolon, is ignored.
    """
    _, mark, parameters = (content_type or "").partition(";")
    named = _PARAMETER.finditer(mark + parameters) if mark else ()
    return frozenset(
        value for each in named if (each["name"] or "").lower() == "charset" and (value := _plain(each["value"]))
    )


def _plain(value: str) -> str:
    """Value of a token or a quoted string (RFC 9110 5.6.4)."""
    value = value.strip(" \t")
    return re.sub(r"\\(.)", r"\1", value[1:-1] if value.startswith('"') else value).strip(" \t").lower()
