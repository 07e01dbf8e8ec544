"""Staff sign in through the operator's own provider, and prove anew who they are before they decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.actions.assisted.ports import StaffSessions
from broker.actions.attempt_log import AttemptLog, Stray
from broker.actions.needs import Audit
from broker.ambient import Ambient
from broker.model import handle as handles
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.identity import Identity
from broker.model.staff import StaffAttempt, StaffMember, StaffSession
from broker.provider import Answer, Ask, Failure, Provider, Reason

ATTEMPT_LIFE = 600
"""How long (seconds) a sign-in may take."""

SKEW = 60
"""By how much (seconds) the staff provider's clock may differ from ours."""

NOTED_EVERY = 30
"""The use of a session is noted when so many seconds have passed since it was noted last."""


@dataclass(frozen=True, slots=True)
class StaffPrincipal:
    """Somebody signed in: who, their session, and until when they may decide without proving anew who they are."""

    member: StaffMember
    session: StaffSession
    fresh_until: float


@dataclass(frozen=True, slots=True)
class LoginRedirect:
    """Where to send somebody who signs in, and the secret by which their browser is known when it comes back."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class LoginResult:
    """A finished sign-in: the new session's cookie, and the path to show."""

    session: str
    then: str


class LoginFailure(StrEnum):
    """Why a sign-in came to nothing."""

    UNAVAILABLE = "unavailable"
    NOT_FINISHED = "not_finished"
    NOT_STAFF = "not_staff"
    TOO_WEAK = "too_weak"
    OTHER_PERSON = "other_person"
    UNUSABLE = "unusable"
    LOST = "lost"


_FAILURES = {
    Reason.UNAVAILABLE: LoginFailure.UNAVAILABLE,
    Reason.BUSY: LoginFailure.UNAVAILABLE,
    Reason.UNSAFE: LoginFailure.UNUSABLE,
    Reason.INCOMPLETE: LoginFailure.UNUSABLE,
    Reason.TOO_WEAK: LoginFailure.TOO_WEAK,
}


@dataclass(frozen=True, slots=True)
class StaffLogin:
    """How staff come in. Times in seconds.

    `people` are those who may, by our id, whatever the provider says of others. `level` and `amr` are what every
    sign-in must show. A session ends `idle` seconds after its last use and `absolute` seconds after its beginning; a
    decision needs a sign-in not older than `fresh`.
    """

    provider: Provider
    callback: str
    people: Mapping[str, StaffMember]
    level: Level
    amr: tuple[str, ...]
    idle: int
    absolute: int
    fresh: int
    ambient: Ambient
    sessions: StaffSessions
    audit: Audit
    attempts: AttemptLog

    async def begin(
        self, then: str, session: str | None, request_id: str = "", departed: int | None = None
    ) -> LoginRedirect | LoginFailure:
        """Sets out for the staff provider. Somebody signed in proves anew who they are, and comes back to `then`.

        `departed` is there if a member of staff signed out in this browser: their `auth_time`. Then a new sign-in is
        asked for, and it has to be later than that."""
        present = await self.present(session)
        handle, secret = handles.fresh(self.ambient, "staff"), handles.fresh(self.ambient)
        ask = Ask(
            self.level, handle, self.callback, "en", fresh=present is not None or departed is not None, after=departed
        )
        departure = await self.provider.begin(ask)
        if isinstance(departure, Failure):
            turned_away = _FAILURES.get(departure.reason, LoginFailure.UNAVAILABLE)
            self._failed(turned_away, departure, request_id)
            return turned_away
        attempt = StaffAttempt(
            digest=handles.digest(handle),
            browser=handles.digest(secret),
            expires=self.ambient.now() + ATTEMPT_LIFE,
            then=_path(then),
            member=present.member.id if present else None,
            note=departure.note,
        )
        await self.sessions.leave(attempt)
        return LoginRedirect(departure.url, secret)

    async def complete(
        self, parameters: Mapping[str, str], browser: str | None, session: str | None, request_id: str = ""
    ) -> LoginResult | LoginFailure:
        """Takes in what the staff provider sent to the callback.

        A stray callback (unknown, of another browser, too late, not from that provider) changes nothing but leaves a
        trace. After that the attempt is used up, whatever comes of it.
        """
        answer = Answer(parameters, self.callback)
        attempt = await self.sessions.attempt(handles.digest(parameters.get("state", "")))
        stray = Stray.UNKNOWN if attempt is None else await self._stray(attempt, answer, browser)
        if attempt is None or stray is not None:
            self.attempts.stray(self.provider.card.id, stray or Stray.UNKNOWN, request_id=request_id)
            return LoginFailure.LOST
        outcome = await self.provider.complete(attempt.note, answer)
        member = self._judged(attempt, outcome)
        if not isinstance(outcome, Identity) or isinstance(member, LoginFailure):
            why = member if isinstance(member, LoginFailure) else LoginFailure.NOT_FINISHED
            self._failed(why, outcome if isinstance(outcome, Failure) else None, request_id)
            await self.audit.write([self._event("staff_sign_in_failed", attempt.member, reason=why)])
            return why
        return await self._arrived(attempt, outcome, member, session)

    async def _stray(self, attempt: StaffAttempt, answer: Answer, browser: str | None) -> Stray | None:
        """Why an answer does not belong to an attempt. None if it does: then the attempt is claimed."""
        if browser is None or handles.digest(browser) != attempt.browser:
            return Stray.UNKNOWN
        if self.ambient.now() >= attempt.expires:
            return Stray.NOT_AWAITED
        if not self.provider.belongs(attempt.note, answer):
            return Stray.OTHER_ISSUER
        return None if await self.sessions.claim(attempt.digest) else Stray.TAKEN

    def _failed(self, why: LoginFailure, outcome: Failure | None, request_id: str) -> None:
        provider = self.provider.card.id
        self.attempts.failed(provider, why.value, outcome, reference="", client_id="", request_id=request_id)

    def _judged(self, attempt: StaffAttempt, outcome: Identity | Failure) -> StaffMember | LoginFailure:
        """The member of staff whom an answer names, if it may be believed to be them, strongly enough and just now."""
        if isinstance(outcome, Failure):
            return _FAILURES.get(outcome.reason, LoginFailure.NOT_FINISHED)
        member = next((one for one in self.people.values() if one.subject == outcome.subject), None)
        if member is None:
            return LoginFailure.NOT_STAFF
        if attempt.member is not None and attempt.member != member.id:
            return LoginFailure.OTHER_PERSON
        if outcome.level < self.level or not set(self.amr) <= set(outcome.amr):
            return LoginFailure.TOO_WEAK
        began = attempt.expires - ATTEMPT_LIFE
        if attempt.member is not None and outcome.auth_time < began - SKEW:
            return LoginFailure.TOO_WEAK
        return member

    async def _arrived(
        self, attempt: StaffAttempt, identity: Identity, member: StaffMember, session: str | None
    ) -> LoginResult:
        now, cookie = self.ambient.now(), handles.fresh(self.ambient, "console")
        begun = StaffSession(
            digest=handles.digest(cookie),
            member=member.id,
            subject=identity.subject,
            acr=identity.level.name.lower(),
            amr=identity.amr,
            auth_time=min(identity.auth_time, int(now)),
            created=now,
            used=now,
            expires=now + self.absolute,
        )
        replaced = handles.digest(session) if session else None
        event = self._event(
            "staff_signed_in", member.id, level=begun.acr, again=str(attempt.member is not None).lower()
        )
        await self.sessions.start(begun, replaced, [event])
        return LoginResult(cookie, attempt.then)

    async def present(self, session: str | None) -> StaffPrincipal | None:
        """Who is signed in with this cookie, if anybody; counts as a use of the session.

        Whoever is no longer on the list of staff is signed out by it.
        """
        found = await self.sessions.load(handles.digest(session)) if session else None
        now = self.ambient.now()
        if found is None or now >= found.expires or now >= found.used + self.idle:
            return None
        member = self.people.get(found.member)
        if member is None or member.subject != found.subject:
            return None
        if now >= found.used + NOTED_EVERY:
            await self.sessions.touch(found.digest, now)
        return StaffPrincipal(member, found, found.auth_time + self.fresh)

    async def leave(self, session: str | None) -> int | None:
        """Ends the session; gives when its member of staff signed in, None if there was none."""
        found = await self.sessions.load(handles.digest(session)) if session else None
        if found is None:
            return None
        await self.sessions.end(found.digest, self._event("staff_signed_out", found.member))
        return found.auth_time

    def _event(self, kind: str, member: str | None, **details: str) -> AuditEvent:
        return AuditEvent(kind, self.ambient.now(), f"staff:{member or 'unknown'}", details=details)


def _path(then: str) -> str:
    """A path of the console's own: nothing that leads to another site."""
    return then if then.startswith("/") and not then.startswith(("//", "/\\")) and then.isprintable() else "/"
