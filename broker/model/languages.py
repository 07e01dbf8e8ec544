"""Language tags (BCP 47): case-insensitive comparison and lookup (RFC 4647 3.4)."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


def lookup(tag: str, offered: Iterable[str]) -> str | None:
    """Finds the offered language for a tag, in the offered spelling: `en-GB` finds `en`, `CY` finds `cy`.

    Removes subtags from the end until a language matches. Also accepts `en_GB`, as some libraries write it (OpenID
    Connect Core 5.1, `locale`). Returns None if nothing matches.
    """
    known = {code.casefold(): code for code in offered}
    subtags = tag.strip().replace("_", "-").casefold().split("-")
    while subtags and subtags[0]:
        if (found := known.get("-".join(subtags))) is not None:
            return found
        subtags.pop()
        if len(subtags) > 1 and len(subtags[-1]) == 1:  # a singleton without its extension has no meaning
            subtags.pop()
    return None


def in_language(texts: Mapping[str, T], tag: str) -> T | None:
    """Text in the language of a tag, else in the first available language; None if there is none."""
    if tag in texts:
        return texts[tag]
    found = lookup(tag, texts)
    return texts[found] if found is not None else next(iter(texts.values()), None)


def member(metadata: Mapping[str, T], name: str, language: str) -> T | None:
    """Member of metadata in a language, such as `client_name#cy` (RFC 7591 2.2); None if there is none.

    `client_name#CY` is the same member, and `client_name#cy-GB` is used if there is none for `cy` itself.
    """
    tags = {key.partition("#")[2]: value for key, value in metadata.items() if key.startswith(f"{name}#")}
    exact = next((tag for tag in tags if tag.casefold() == language.casefold()), None)
    found = exact or next((tag for tag in tags if lookup(tag, (language,)) is not None), None)
    return None if found is None else tags[found]
