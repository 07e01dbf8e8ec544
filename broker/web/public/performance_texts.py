"""What the words of open data about sign-ins mean: for the page, in each language, and for the data dictionary."""

from collections.abc import Mapping
from types import MappingProxyType

from broker.journey.figures import Figure, SignInEnding, SignInPath
from broker.web.citizens.failure_texts import marked

COLUMN_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "day": "The day on which the sign-ins started (UTC).",
        "revision": "1, and more if the day was corrected.",
        "published": "When the figures were published.",
        "reason": "Why the day was corrected.",
        "measure": "What was counted, one of the words below.",
        "detail": "What the count is divided by. (other) is the sum of what was left out.",
        "count": "How many.",
    }
)
"""Columns of the files, for the data dictionary alone: it is in English."""

MEASURE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        Figure.STARTED: marked("All sign-ins that were started."),
        Figure.ENDED: marked("How they had ended two days later."),
        Figure.ANSWERED: marked("Those that gave the service an identity, by how they came to it."),
        Figure.FIRST_CHOICE: marked("Those in which the first choice succeeded, by way."),
        Figure.OTHER_CHOICE: marked("Those in which another way was chosen before the first one failed, by way."),
        Figure.AFTER_FAILURE: marked("Those that succeeded after a failure, by the way that succeeded."),
        Figure.ANSWERED_LANGUAGE: marked("Those that gave the service an identity, by language of the pages."),
        Figure.UNFINISHED_LANGUAGE: marked("Those that did not, by language of the pages."),
        Figure.ANSWERED_LEVEL: marked("Those that gave the service an identity, by the level that the service needs."),
        Figure.GIVEN_UP: marked("Citizens who went back to the service, by what had failed last."),
        Figure.FAILED: marked("Attempts that failed. One sign-in can have several."),
        Figure.FAILED_CLASS: marked("Attempts that failed, by what happened."),
        Figure.FAILED_PROVIDER: marked("Attempts that failed, by way."),
        Figure.FAILED_LEVEL: marked("Attempts that failed, by the level that the service needs."),
        Figure.FEEDBACK: marked("Feedback about this website that was given on the day."),
        Figure.FEEDBACK_RATING: marked("Feedback by its answer: it worked (good), partly (mixed), it did not (poor)."),
    }
)
"""Measures, in the order of the files."""

ENDING_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        SignInEnding.ANSWERED: marked("The service got an identity"),
        SignInEnding.KEPT: marked("Proven, but too late for the service"),
        SignInEnding.GIVEN_UP: marked("Went back to the service without it"),
        SignInEnding.WITH_PERSON: marked("Asked for a person, and was not finished"),
        SignInEnding.DROPPED: marked("Stopped on the way"),
    }
)

PATH_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        SignInPath.SESSION: marked("Was signed in already"),
        SignInPath.FIRST_CHOICE: marked("The first choice succeeded"),
        SignInPath.OTHER_CHOICE: marked("Changed to another way"),
        SignInPath.AFTER_FAILURE: marked("Succeeded after a failure"),
    }
)
