"""Texts by language in the settings."""

from collections.abc import Iterator, Mapping
from typing import Final

from broker.platform.toml_loader import Problem

READY: Final = ("en", "cy", "ar")
"""Languages in which the texts of the pages exist."""


def check_texts(place: str, texts: Mapping[str, str], languages: tuple[str, ...]) -> Iterator[Problem]:
    """Checks that a text exists in every language of the broker, is not empty, and has no unknown language."""
    for language in languages:
        if not texts.get(language, "").strip():
            yield Problem(place, f'the text in "{language}" is missing', f'add {language} = "..."')
    for language in texts:
        if language not in READY:
            yield Problem(place, f'"{language}" is not a known language', f"known are: {', '.join(READY)}")
