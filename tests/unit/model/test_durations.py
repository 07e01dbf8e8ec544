"""Durations in words of people."""

import re
from itertools import chain

import pytest

from broker.model.durations import DAY, HOUR, MINUTE, in_words
from broker.platform.notifications.texts import texts
from tests.unit.web import texts as pages

UNIT = r"(?:second|minute|hour|day|week|eiliad|f?munud|awr|dd?iwrnod|ثاني|ثوان|دقيق|دقائق|ساع|يوم|أيام)"


@pytest.mark.parametrize(
    ("seconds", "english", "welsh", "arabic"),
    [
        (0, "0 seconds", "0 eiliad", "0 ثانية"),
        (1, "1 second", "1 eiliad", "ثانية واحدة"),
        (MINUTE, "1 minute", "1 munud", "دقيقة واحدة"),
        (2 * MINUTE, "2 minutes", "2 funud", "دقيقتين"),
        (3 * MINUTE, "3 minutes", "3 munud", "3 دقائق"),
        (90, "1 minute and 30 seconds", "1 munud a 30 eiliad", "دقيقة واحدة و30 ثانية"),
        (10 * MINUTE + 0.9, "10 minutes", "10 munud", "10 دقائق"),
        (11 * MINUTE, "11 minutes", "11 munud", "11 دقيقة"),
        (HOUR, "1 hour", "1 awr", "ساعة واحدة"),
        (90 * MINUTE, "1 hour and 30 minutes", "1 awr a 30 munud", "ساعة واحدة و30 دقيقة"),
        (DAY, "24 hours", "24 awr", "24 ساعة"),
        (36 * HOUR, "36 hours", "36 awr", "36 ساعة"),
        (2 * DAY, "2 days", "2 ddiwrnod", "يومين"),
        (2 * DAY + HOUR, "2 days and 1 hour", "2 ddiwrnod a 1 awr", "يومين وساعة واحدة"),
        (7 * DAY, "7 days", "7 diwrnod", "7 أيام"),
        (14 * DAY, "14 days", "14 diwrnod", "14 يوما"),
        (100 * DAY, "100 days", "100 diwrnod", "100 يوم"),
        (103 * DAY, "103 days", "103 diwrnod", "103 أيام"),
        (-1, "0 seconds", "0 eiliad", "0 ثانية"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds: float, english: str, welsh: str, arabic: str) -> None:
    assert [in_words(seconds, language) for language in ("en", "cy-GB", "ar")] == [english, welsh, arabic]


def test_a_language_without_forms_gets_english() -> None:
    assert in_words(DAY, "fr") == "24 hours"


def test_no_text_puts_a_number_before_a_unit_by_itself() -> None:
    """A text that says "{minutes} minutes" would say "1440 minutes" as soon as an operator configures a day.

    `{n}` is the number of a text with plural forms, whose unit the code chooses.
    """
    notices = chain.from_iterable(
        (text.subject, text.text, text.message) for languages in texts().values() for text in languages.values()
    )
    sources = (
        path.read_text("utf-8")
        for folder in ("templates", "citizens", "staff", "public", "languages")
        for path in (pages.WEB / folder).rglob("*.*")
        if path.suffix in (".py", ".html", ".po")
    )
    wrong = [
        found for text in chain(notices, sources) for found in re.findall(r"\{(?!n\})\w+\}\}?" + rf" ?{UNIT}\w*", text)
    ]
    assert wrong == []
