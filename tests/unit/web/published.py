"""Published days as the page of open data is given them, and a store that holds them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from broker.actions.open_data.feedback import FeedbackBox
from broker.journey.figures import (
    Figure,
    FigureKey,
    PublishedDay,
    SignInPath,
    publish,
)
from broker.model.audit import AuditEvent
from broker.model.disruption import BROKER, Disruption, DisruptionKind, StatusRecord
from broker.model.failures import FailureClass
from broker.model.feedback import Feedback, FeedbackWords, Rating
from broker.model.rate_limit import RateWindow
from broker.model.release import ClaimRelease
from broker.model.service_entry import ServiceEntry
from broker.model.statements import (
    AccessibilitySettings,
    KeptKind,
    Policy,
    PolicyChange,
    PolicySubject,
    PrivacySettings,
    Statements,
)
from broker.model.status_note import StatusNote
from broker.platform.system import System
from tests.unit.web.examples import BANK, NOW, POST, SERVICE

STATEMENTS: Final = Statements(
    PrivacySettings(
        controller={"en": "The city, 1 High Street", "cy": "Y ddinas, 1 Stryd Fawr", "ar": "المدينة، 1 الشارع الرئيسي"},
        contact="privacy@id.test",
        ground={"en": "An act", "cy": "Deddf", "ar": "قانون"},
        regulator={"en": "The commissioner", "cy": "Y comisiynydd", "ar": "المفوض"},
        regulator_url="https://regulator.test/",
    ),
    AccessibilitySettings(NOW, ({"en": "The map cannot be read out.", "cy": "Ni ellir darllen y map.", "ar": "x"},)),
    (PolicyChange(NOW, {"en": "A new way", "cy": "Ffordd newydd"}, {"en": "It helps"}, PolicySubject.PROVIDERS),),
    {kind: 86_400 * (1 + place) for place, kind in enumerate(KeptKind)},
    Policy("2027-4", own=True, levels=("low", "substantial", "high"), presets=("gov-br", "spid")),
)

FIRST: Final = date(2026, 11, 1)
AT: Final = 1_793_750_400.0
"""When the first day was published: 2026-11-04, 00:00 UTC."""


def counted(day: str, scale: int) -> Mapping[FigureKey, int]:
    """What was counted of a day with so many sign-ins, in tens."""
    parts = {
        ("started_language", "en"): 90 * scale,
        ("started_language", "cy"): 30 * scale,
        ("started_language", "ar"): 12 * scale,
        ("kept", ""): 11 * scale,
        ("help_asked", ""): 12 * scale,
        (Figure.ANSWERED, SignInPath.SESSION): 11 * scale,
        (Figure.ANSWERED, SignInPath.FIRST_CHOICE): 40 * scale,
        (Figure.ANSWERED, SignInPath.OTHER_CHOICE): 12 * scale,
        (Figure.ANSWERED, SignInPath.AFTER_FAILURE): 14 * scale,
        (Figure.FIRST_CHOICE, BANK.id): 40 * scale,
        (Figure.OTHER_CHOICE, POST.id): 12 * scale,
        (Figure.AFTER_FAILURE, POST.id): 14 * scale,
        (Figure.ANSWERED_LANGUAGE, "en"): 55 * scale,
        (Figure.ANSWERED_LANGUAGE, "cy"): 22 * scale,
        (Figure.ANSWERED_LEVEL, "low"): 60 * scale,
        (Figure.ANSWERED_LEVEL, "high"): 17 * scale,
        (Figure.GIVEN_UP, FailureClass.CANCELLED): 13 * scale,
        (Figure.FAILED_CLASS, FailureClass.CANCELLED): 21 * scale,
        (Figure.FAILED_CLASS, FailureClass.PROVIDER_DOWN): 10 * scale,
        (Figure.FAILED_PROVIDER, BANK.id): 31 * scale,
        (Figure.FAILED_LEVEL, "low"): 31 * scale,
    }
    return {FigureKey(day, measure, detail): number for (measure, detail), number in parts.items()}


def published_days(number: int = 30) -> tuple[PublishedDay, ...]:
    """So many published days: one without any figure, the last one corrected."""
    days = []
    for place in range(number):
        day = (FIRST + timedelta(days=place)).isoformat()
        lines = () if place == number - 3 else publish(counted(day, 1 + place % 5))
        days.append(PublishedDay(day, 1, AT + 86_400 * place, "", lines))
    again = PublishedDay(days[-1].day, 2, days[-1].published + 3600, "Rows <late> & sealed", publish(counted("", 7)))
    return (*days, again)


@dataclass(frozen=True, slots=True)
class GivenFigures:
    """A store of published days, in which nothing is counted."""

    days: tuple[PublishedDay, ...] = published_days()

    async def count_sealed(self, _count_all: object) -> int:
        """Nothing is new."""
        return 0

    async def first_uncounted(self) -> float | None:
        """Everything is counted."""
        return None

    async def first_day(self) -> str | None:
        """Everything is published."""
        return None

    async def last_day(self) -> str | None:
        """The last of them."""
        return self.days[-1].day if self.days else None

    async def counted(self, _day: str) -> Mapping[FigureKey, int]:
        """Nothing."""
        return {}

    async def publish(self, _published: PublishedDay, _events: Sequence[AuditEvent] = ()) -> bool:
        """Nothing is written."""
        return False

    async def published(self, since: str) -> Sequence[PublishedDay]:
        """Those from a day on."""
        return [one for one in self.days if one.day >= since]

    async def sealed(self, _begins: float, _ends: float) -> AsyncIterator[Sequence[AuditEvent]]:
        """No rows."""
        for nothing in ():
            yield nothing


DISRUPTIONS: Final = (
    Disruption(BANK.id, DisruptionKind.OUTAGE, NOW - 7200),
    Disruption(POST.id, DisruptionKind.PAUSED, NOW - 10 * 86_400, NOW - 9 * 86_400),
    Disruption(BROKER, DisruptionKind.OUTAGE, NOW - 20 * 86_400, NOW - 20 * 86_400 + 600),
    Disruption("gone", DisruptionKind.OUTAGE, NOW - 30 * 86_400, NOW - 29 * 86_400),
)


NOTES: Final = (
    StatusNote("n1", BANK.id, NOW - 7200, NOW - 60, {"en": "They repair it.", "cy": "Maen nhw’n ei drwsio."}),
    StatusNote("n2", BROKER, NOW - 9_000, NOW - 8_000, {"en": "We <moved>."}, NOW - 7_000),
    StatusNote("n3", "gone", NOW - 60, NOW, {"en": "Nobody reads this."}),
)
RECORDED: Final = StatusRecord(DISRUPTIONS, NOW - 40 * 86_400, NOW, NOTES)


@dataclass(frozen=True, slots=True)
class GivenDisruptions:
    """A store of recorded disruptions."""

    record_of: StatusRecord = RECORDED

    async def record(self, _now: float, _decide: object) -> Sequence[Disruption]:
        """Nothing is recorded."""
        return ()

    async def recent(self, _since: float) -> StatusRecord:
        """All of them."""
        return self.record_of


@dataclass(slots=True)
class GivenFeedback:
    """A store of feedback, in memory."""

    held: list[Feedback] = field(default_factory=list)
    events: list[AuditEvent] = field(default_factory=list)

    async def give(self, feedback: Feedback, event: AuditEvent) -> None:
        """Holds it."""
        self.held.append(feedback)
        self.events.append(event)

    async def published(self, limit: int, _now: float) -> Sequence[Feedback]:
        """What is published."""
        return [one for one in self.held if one.published is not None][:limit]

    async def waiting(self, limit: int, _now: float) -> Sequence[Feedback]:
        """What waits."""
        return [one for one in self.held if one.published is None][:limit]

    async def load(self, feedback_id: str, _now: float) -> Feedback | None:
        """What waits with this id."""
        return next((one for one in self.held if one.id == feedback_id and one.published is None), None)

    async def publish(self, feedback: Feedback, event: AuditEvent) -> bool:
        """Replaces it."""
        self.held[:] = [feedback if one.id == feedback.id else one for one in self.held]
        self.events.append(event)
        return True

    async def delete(self, feedback_id: str, event: AuditEvent) -> bool:
        """Takes it out."""
        self.held[:] = [one for one in self.held if one.id != feedback_id]
        self.events.append(event)
        return True


@dataclass(slots=True)
class GivenRates:
    """Rate limits that allow so many uses in all."""

    left: int = 1_000

    async def allow(self, _key: str, _most: int, _window: int) -> bool:
        """Counts."""
        self.left -= 1
        return self.left >= 0

    async def give_back(self, _key: str, _window: int) -> None:
        """Counts back."""
        self.left += 1


def published_feedback() -> list[Feedback]:
    """Feedback in two languages: one with an answer in another language, one without."""
    words = FeedbackWords("Roedd y dudalen yn araf.\nDiolch.", "We made it faster.", "en")
    welsh = Feedback(
        "feedback_1", NOW - 86_400, NOW + 86_400, Rating.MIXED, "cy", public=True, words=words, published=NOW
    )
    return [welsh, replace(welsh, id="feedback_2", language="en", rating=Rating.GOOD, words=FeedbackWords("Good."))]


def feedback_box(store: GivenFeedback, uses: int = 1_000) -> FeedbackBox:
    """The page of feedback works with this."""
    return FeedbackBox(store, GivenRates(uses), RateWindow(10, 3600), System(lambda: NOW, lambda n: b"f" * n))


@dataclass(frozen=True, slots=True)
class GivenEntries:
    """The history of the service of the examples, which asked for less before, and for more."""

    async def record(self, _decide: object) -> Sequence[ServiceEntry]:
        """Nothing is recorded."""
        return ()

    async def history(self) -> Sequence[ServiceEntry]:
        """Four entries, with a removal between the first two."""
        days = [NOW - days * 86_400 for days in (90, 80, 40, 20)]
        name, claims = SERVICE.client_id, (("email",), (), ("name", "birthdate"), ("address", "birthdate", "name"))
        levels = ("low", "", "high", "low")
        return [ServiceEntry(name, *one) for one in zip(days, levels, claims, strict=True)]


@dataclass(frozen=True, slots=True)
class GivenReleases:
    """A store of releases: one claim that the service may ask for, and one that it may not."""

    async def count_sealed(self, _judge: object) -> tuple[int, Sequence[ClaimRelease]]:
        """Nothing is new."""
        return 0, ()

    async def released(self) -> Sequence[ClaimRelease]:
        """Both."""
        return [ClaimRelease(SERVICE.client_id, claim, NOW - 86_400, NOW) for claim in ("birthdate", "phone_number")]
