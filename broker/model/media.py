"""Media types as `Content-Type` names them (RFC 9110 8.3), with the character set beside them, and weights."""

import re
from typing import Final

_PARAMETER: Final = re.compile(
    r";[ \t]*(?:(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?P<value>\"(?:\\.|[^\"\\])*\"|[^;\"]*))?[^;]*"
)

_QUALITY: Final = re.compile(r"[0-9](?:\.[0-9]*)?|\.[0-9]+", re.ASCII)


def quality(parameters: str) -> float:
    """The weight of one member of `Accept` or `Accept-Language` (RFC 9110 12.4.2), 1 if there is none.

    Of the parameters behind the member `q` alone counts, `Q` as well. A value that is no number counts as 0.
    """
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "q":
            value = value.strip()
            return float(value) if _QUALITY.fullmatch(value) else 0.0
    return 1.0


def media_type(content_type: str | None) -> str:
    """The type and subtype in lower case, without parameters: "" if the header is missing."""
    return (content_type or "").partition(";")[0].strip(" \t").lower()


def charsets(content_type: str | None) -> frozenset[str]:
    """Every character set that the parameters name, in lower case. Parameters of other names have no effect here.

    A parameter that is malformed, such as an empty one after a trailing semicolon, names none.
    """
    _, mark, parameters = (content_type or "").partition(";")
    named = _PARAMETER.finditer(mark + parameters) if mark else ()
    return frozenset(
        value for each in named if (each["name"] or "").lower() == "charset" and (value := _plain(each["value"]))
    )


def _plain(value: str) -> str:
    """A token or a quoted string (RFC 9110 5.6.4) as the text that it stands for."""
    value = value.strip(" \t")
    return re.sub(r"\\(.)", r"\1", value[1:-1] if value.startswith('"') else value).strip(" \t").lower()
