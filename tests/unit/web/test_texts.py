"""Catalogues: complete, and with the same placeholders as the English texts."""

import re
from functools import cache

import pytest

from tests.unit.web.citizen_pages import SITE
from tests.unit.web.texts import codes, found, registry, untranslated

HOLE = re.compile(r"\{\w+\}")


def test_every_language_offered_beside_english_has_a_catalogue() -> None:
    assert codes() == sorted(set(SITE.languages) - {"en"})


@cache
def in_use() -> frozenset[object]:
    """The texts that templates and code have."""
    return frozenset(message.id for message in found())


@pytest.mark.parametrize("code", codes())
def test_no_text_is_missing_in_a_catalogue(code: str) -> None:
    held = registry(code)
    assert untranslated(held) == []
    assert in_use() - {message.id for message in held} == set()


@pytest.mark.parametrize("code", codes())
def test_no_catalogue_keeps_a_text_that_is_gone_or_uncertain(code: str) -> None:
    held = registry(code)
    assert {message.id for message in held} - in_use() == set()
    assert not held.obsolete
    assert not [message.id for message in held if message.fuzzy and message.id]


@pytest.mark.parametrize("code", codes())
def test_a_translation_has_the_holes_of_its_text(code: str) -> None:
    for message in registry(code):
        if isinstance(message.id, tuple):
            for string in message.string:
                assert set(HOLE.findall(string)) <= {"{n}"}  # "one" and "two" may be words
        elif message.id:
            assert sorted(HOLE.findall(message.string)) == sorted(HOLE.findall(message.id)), message.id


@pytest.mark.parametrize("code", codes())
def test_a_translation_is_not_the_english_text(code: str) -> None:
    same = {str(message.id) for message in registry(code) if message.id and message.string == message.id}
    assert same <= {"Help"}  # the Welsh word is the same


@pytest.mark.parametrize("code", codes())
def test_no_text_could_be_taken_for_a_mark_of_a_template(code: str) -> None:
    for message in registry(code):
        for string in message.string if isinstance(message.string, tuple) else (message.string,):
            assert not re.search(r"\[\[|\]\]|\[%|%\]|\{\{|\}\}|\{%|%\}|<|>", string if message.id else "")
