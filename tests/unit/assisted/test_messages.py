"""Templates of messages to citizens: every language and field, and the line that an agent may type."""

from string import Formatter

import pytest

from broker.assisted.messages import MessageField, fit_line, message_templates

LANGUAGES = ("en", "cy", "ar")
EVERY = {
    "reference": "ABCD-2345",
    "contact": "0300 123 4567",
    "time": "Friday",
    "note": "a passport",
    "room": "https://r/1",
}


@pytest.mark.parametrize("name", message_templates().templates)
def test_each_template_has_every_language_and_uses_exactly_the_fields_that_it_asks_for(name: str) -> None:
    template = message_templates().templates[name]
    assert {"en", "cy"} <= template.title.keys()
    asked = {field.value for field in template.asks}
    for language in LANGUAGES:
        assert language in template.text
        assert language in template.message
        used = {
            field
            for texts in (template.text, template.message)
            for _, field, _, _ in Formatter().parse(texts[language])
            if field
        }
        assert asked <= used <= asked | {"reference", "contact"}
        assert "{reference}" in template.text[language]
        whole, short = (template.written(language, EVERY, short=short) for short in (False, True))
        assert "{" not in whole + short
        assert "\n" in whole
        assert "\n" not in short


def test_a_citizen_whose_language_has_no_text_gets_the_english_one() -> None:
    template = message_templates().templates["call_us"]
    assert template.written("pl", EVERY, short=True) == template.written("en", EVERY, short=True)
    assert template.written("cy-GB", EVERY, short=False) == template.written("cy", EVERY, short=False)


def test_the_fields_are_those_that_the_console_knows() -> None:
    asked = {field for template in message_templates().templates.values() for field in template.asks}
    assert asked == set(MessageField)


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        ("A passport, and a letter with your address", True),
        (" جواز سفر ", True),
        ("", False),
        ("  ", False),
        ("x" * 201, False),
        ("two\nlines", False),
        ("open https://rooms.example", False),
        ("go to WWW.example.org", False),
        ("your code is 123456", False),
        ("4111 1111 1111 1111", False),
        ("the password is rose", False),
        ("bidi \u202e trick", False),
    ],
)
def test_a_line_has_no_link_no_secret_and_one_line(line: str, *, fits: bool) -> None:
    assert fit_line(line) is fits
