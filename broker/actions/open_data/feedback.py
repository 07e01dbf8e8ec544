"""Feedback: anybody gives it without an account, a lead publishes it with an answer or deletes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.ports import RateLimits
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.feedback import LONGEST, SHOWN_FOR, WAITS, Feedback, FeedbackWords, Rating, feedback_event
from broker.model.rate_limit import RateWindow
from broker.model.staff import StaffRole
from broker.normalize.text import clean_lines
from broker.platform.system import System

SHOWN: Final = 20
"""Pieces of feedback on a page."""


class FeedbackStore(Protocol):
    """Feedback."""

    async def give(self, feedback: Feedback, event: AuditEvent) -> None:
        """Writes feedback that arrived."""
        ...

    async def published(self, limit: int, now: float) -> Sequence[Feedback]:
        """What was published, the newest first."""
        ...

    async def waiting(self, limit: int, now: float) -> Sequence[Feedback]:
        """What was not published, the oldest first."""
        ...

    async def load(self, feedback_id: str, now: float) -> Feedback | None:
        """The feedback with this id, if it waits."""
        ...

    async def publish(self, feedback: Feedback, event: AuditEvent) -> bool:
        """Writes feedback as published, with its answer. False, and nothing written, if it waits no longer."""
        ...

    async def delete(self, feedback_id: str, event: AuditEvent) -> bool:
        """Deletes feedback that waits. False, and nothing written, if it waits no longer."""
        ...


class FeedbackRefused(StrEnum):
    """Why feedback, or an answer to it, was not taken."""

    RATING = "rating"
    TOO_LONG = "too_long"
    NOT_ALLOWED = "not_allowed"
    NOT_PUBLIC = "not_public"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class FeedbackBox:
    """What the public page works with. `rate` limits what comes from one address."""

    store: FeedbackStore
    rate_limits: RateLimits
    rate: RateWindow
    system: System

    async def give(
        self, rating: str, text: str, address: str, language: str, *, public: bool
    ) -> Feedback | FeedbackRefused | float:
        """Takes feedback. Returns it, why it is refused, or from when on the address may send more."""
        words = clean_lines(text)
        if rating not in set(Rating):
            return FeedbackRefused.RATING
        if len(words) > LONGEST:
            return FeedbackRefused.TOO_LONG
        now = self.system.now()
        if not await self.rate_limits.allow(f"feedback:{address}", self.rate.most, self.rate.window):
            return self.rate.ends(now)
        name = handles.new_handle(self.system, "feedback")
        found = Feedback(name, now, now + WAITS, Rating(rating), language, public and bool(words), FeedbackWords(words))
        await self.store.give(found, feedback_event(found))
        return found

    async def published(self) -> Sequence[Feedback]:
        """The newest published feedback."""
        return await self.store.published(SHOWN, self.system.now())


@dataclass(frozen=True, slots=True)
class FeedbackDesk:
    """What the console works with."""

    store: FeedbackStore
    system: System

    async def waiting(self, who: StaffPrincipal) -> Sequence[Feedback] | FeedbackRefused:
        """For leads, auditors and admins: the oldest feedback that waits."""
        if not who.member.may(StaffRole.LEAD, StaffRole.AUDITOR, StaffRole.ADMIN):
            return FeedbackRefused.NOT_ALLOWED
        return await self.store.waiting(SHOWN, self.system.now())

    async def publish(
        self, who: StaffPrincipal, feedback_id: str, answer: str, language: str
    ) -> Feedback | FeedbackRefused:
        """For leads: publishes feedback whose writer agreed, with an answer if there is one."""
        if not who.member.may(StaffRole.LEAD):
            return FeedbackRefused.NOT_ALLOWED
        now, text = self.system.now(), clean_lines(answer)
        found = await self.store.load(feedback_id, now)
        if found is None:
            return FeedbackRefused.GONE
        if not found.public:
            return FeedbackRefused.NOT_PUBLIC
        if len(text) > LONGEST:
            return FeedbackRefused.TOO_LONG
        words = replace(found.words, answer=text, answer_language=language if text else "")
        after = replace(found, published=now, expires=now + SHOWN_FOR, words=words)
        done = await self.store.publish(after, self._event("feedback_published", who, after))
        return after if done else FeedbackRefused.GONE

    async def delete(self, who: StaffPrincipal, feedback_id: str) -> Feedback | FeedbackRefused:
        """For leads: deletes feedback that was read, or that cannot be published."""
        if not who.member.may(StaffRole.LEAD):
            return FeedbackRefused.NOT_ALLOWED
        found = await self.store.load(feedback_id, self.system.now())
        if found is None or not await self.store.delete(found.id, self._event("feedback_deleted", who, found)):
            return FeedbackRefused.GONE
        return found

    def _event(self, kind: str, who: StaffPrincipal, feedback: Feedback) -> AuditEvent:
        return AuditEvent(kind, self.system.now(), f"staff:{who.member.id}", details={"feedback": feedback.id})
