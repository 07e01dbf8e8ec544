"""Staff login through the operator's own OpenID provider, and the recent sign-in that a decision needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from broker.actions.assisted.ports import StaffSessions
from broker.actions.attempt_log import AttemptLog, StrayReason
from broker.actions.people.directory import StaffPeople
from broker.actions.ports import AuditLog
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.identity import Identity
from broker.model.staff import LoginPolicy, StaffAttempt, StaffMember, StaffSession
from broker.platform.system import System
from broker.provider import CallbackParameters, Provider, ProviderFailure, ProviderFailureReason, UpstreamRequest

ATTEMPT_LIFE = 600
"""How long (seconds) a sign-in may take."""

SKEW = 60
"""By how much (seconds) the staff provider's clock may differ from ours."""

NOTED_EVERY = 30
"""The last use of a session is saved at most once in so many seconds."""


class StaffActor(Protocol):
    """A member of staff who changes a case. From `fresh_until` on (seconds since 1970 UTC) a decision needs a new
    sign-in."""

    @property
    def member(self) -> StaffMember: ...

    @property
    def fresh_until(self) -> float: ...


@dataclass(frozen=True, slots=True)
class StaffPrincipal:
    """A signed-in member of staff. From `fresh_until` on (seconds since 1970 UTC) a decision needs a new sign-in."""

    member: StaffMember
    session: StaffSession
    fresh_until: float


@dataclass(frozen=True, slots=True)
class LoginRedirect:
    """The URL of the staff provider, and the secret by which the browser is recognised at the callback."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class LoginResult:
    """A finished sign-in: the new session's cookie, and the path to show next."""

    session: str
    then: str


class LoginFailure(StrEnum):
    """Why a sign-in failed."""

    UNAVAILABLE = "unavailable"
    NOT_FINISHED = "not_finished"
    NOT_STAFF = "not_staff"
    TOO_WEAK = "too_weak"
    OTHER_PERSON = "other_person"
    UNUSABLE = "unusable"
    LOST = "lost"


_FAILURES = {
    ProviderFailureReason.UNAVAILABLE: LoginFailure.UNAVAILABLE,
    ProviderFailureReason.BUSY: LoginFailure.UNAVAILABLE,
    ProviderFailureReason.UNSAFE: LoginFailure.UNUSABLE,
    ProviderFailureReason.INCOMPLETE: LoginFailure.UNUSABLE,
    ProviderFailureReason.TOO_WEAK: LoginFailure.TOO_WEAK,
}


@dataclass(frozen=True, slots=True)
class LoginRecords:
    """Where staff sign-ins are stored, audited and logged."""

    sessions: StaffSessions
    audit: AuditLog
    attempts: AttemptLog


@dataclass(frozen=True, slots=True)
class StaffDirectory:
    """How staff sign in, and the members of staff of staff.toml by our id."""

    provider: Provider
    members: Mapping[str, StaffMember]
    policy: LoginPolicy


@dataclass(frozen=True, slots=True)
class StaffLogin:
    """The sign-in of staff. `directory` returns the staff as configured now, which a reload may replace; `people`
    joins them with those of the database: no one else can sign in."""

    directory: Callable[[], StaffDirectory]
    callback: str
    records: LoginRecords
    system: System
    people: StaffPeople

    @property
    def provider(self) -> Provider:
        """The provider of staff."""
        return self.directory().provider

    @property
    def members(self) -> Mapping[str, StaffMember]:
        """The members of staff by our id."""
        return self.people.members

    @property
    def policy(self) -> LoginPolicy:
        """What a sign-in of staff must fulfil."""
        return self.directory().policy

    async def begin(
        self, then: str, session: str | None, request_id: str = "", departed: int | None = None
    ) -> LoginRedirect | LoginFailure:
        """Begins a sign-in at the staff provider, which leads back to `then`. With a session: a re-authentication.

        `departed` is the `auth_time` of the member of staff who signed out in this browser, if one did. Then a new
        sign-in is demanded, and it has to be later than that.
        """
        principal = await self.principal(session)
        # letters and digits only, as some providers demand of a state
        handle, secret = self.system.random_bytes(24).hex(), handles.new_handle(self.system)
        ask = UpstreamRequest(
            self.policy.level,
            handle,
            self.callback,
            "en",
            fresh=principal is not None or departed is not None,
            after=departed,
        )
        departure = await self.provider.begin(ask)
        if isinstance(departure, ProviderFailure):
            failure = _FAILURES.get(departure.reason, LoginFailure.UNAVAILABLE)
            self._log_failure(failure, departure, request_id)
            return failure
        attempt = StaffAttempt(
            digest=handles.sha256_hex(handle),
            browser=handles.sha256_hex(secret),
            expires=self.system.now() + ATTEMPT_LIFE,
            then=_path(then),
            member=principal.member.id if principal else None,
            note=departure.provider_state,
        )
        await self.records.sessions.store_attempt(attempt)
        return LoginRedirect(departure.url, secret)

    async def complete(
        self, parameters: Mapping[str, str], browser: str | None, session: str | None, request_id: str = ""
    ) -> LoginResult | LoginFailure:
        """Handles the callback of the staff provider.

        A stray callback (unknown, of another browser, too late, of another issuer) changes nothing and is logged. Any
        other uses up the attempt.
        """
        answer = CallbackParameters(parameters, self.callback)
        attempt = await self.records.sessions.attempt(handles.sha256_hex(parameters.get("state", "")))
        stray = StrayReason.UNKNOWN if attempt is None else await self._stray(attempt, answer, browser)
        if attempt is None or stray is not None:
            self.records.attempts.stray(self.provider.card.id, stray or StrayReason.UNKNOWN, request_id=request_id)
            return LoginFailure.LOST
        outcome = await self.provider.complete(attempt.note, answer)
        await self.people.refresh()
        member = self._accept(attempt, outcome)
        if not isinstance(outcome, Identity) or isinstance(member, LoginFailure):
            why = member if isinstance(member, LoginFailure) else LoginFailure.NOT_FINISHED
            self._log_failure(why, outcome if isinstance(outcome, ProviderFailure) else None, request_id)
            await self.records.audit.write([self._event("staff_sign_in_failed", attempt.member, reason=why)])
            return why
        return await self._start_session(attempt, outcome, member, session)

    async def _stray(
        self, attempt: StaffAttempt, answer: CallbackParameters, browser: str | None
    ) -> StrayReason | None:
        """Why a callback does not belong to the attempt. None if it does: then the attempt is claimed."""
        if browser is None or handles.sha256_hex(browser) != attempt.browser:
            return StrayReason.UNKNOWN
        if self.system.now() >= attempt.expires:
            return StrayReason.NOT_AWAITED
        if not self.provider.matches_callback(attempt.note, answer):
            return StrayReason.OTHER_ISSUER
        return None if await self.records.sessions.claim(attempt.digest) else StrayReason.TAKEN

    def _log_failure(self, why: LoginFailure, outcome: ProviderFailure | None, request_id: str) -> None:
        provider = self.provider.card.id
        self.records.attempts.failed(provider, why.value, outcome, reference="", client_id="", request_id=request_id)

    def _accept(self, attempt: StaffAttempt, outcome: Identity | ProviderFailure) -> StaffMember | LoginFailure:
        """The member of staff whom the provider names, if the sign-in is strong and recent enough."""
        if isinstance(outcome, ProviderFailure):
            return _FAILURES.get(outcome.reason, LoginFailure.NOT_FINISHED)
        member = next((one for one in self.members.values() if one.subject == outcome.subject), None)
        if member is None:
            return LoginFailure.NOT_STAFF
        if attempt.member is not None and attempt.member != member.id:
            return LoginFailure.OTHER_PERSON
        if outcome.level < self.policy.level or not set(self.policy.amr) <= set(outcome.amr):
            return LoginFailure.TOO_WEAK
        began = attempt.expires - ATTEMPT_LIFE
        if attempt.member is not None and outcome.auth_time < began - SKEW:
            return LoginFailure.TOO_WEAK
        return member

    async def _start_session(
        self, attempt: StaffAttempt, identity: Identity, member: StaffMember, session: str | None
    ) -> LoginResult:
        now, cookie = self.system.now(), handles.new_handle(self.system, "console")
        begun = StaffSession(
            digest=handles.sha256_hex(cookie),
            member=member.id,
            subject=identity.subject,
            acr=identity.level.name.lower(),
            amr=identity.amr,
            auth_time=min(identity.auth_time, int(now)),
            created=now,
            used=now,
            expires=now + self.policy.sessions.absolute,
        )
        replaced = handles.sha256_hex(session) if session else None
        event = self._event(
            "staff_signed_in", member.id, level=begun.acr, again=str(attempt.member is not None).lower()
        )
        await self.records.sessions.start(begun, replaced, [event])
        return LoginResult(cookie, attempt.then)

    async def principal(self, session: str | None) -> StaffPrincipal | None:
        """The member of staff who is signed in with this cookie; counts as a use of the session.

        None without a live session, or if the member of staff is no longer configured.
        """
        found = await self.records.sessions.load(handles.sha256_hex(session)) if session else None
        now = self.system.now()
        if found is None or now >= found.expires or now >= found.used + self.policy.sessions.idle:
            return None
        await self.people.refresh()
        member = self.members.get(found.member)
        if member is None or member.subject != found.subject:
            return None
        if now >= found.used + NOTED_EVERY:
            await self.records.sessions.touch(found.digest, now)
        return StaffPrincipal(member.current(now), found, found.auth_time + self.policy.sessions.decision_max_age)

    async def expired_member(self, session: str | None) -> str | None:
        """The id of the member of staff whose session has expired and was not ended; None for any other cookie."""
        found = await self.records.sessions.load(handles.sha256_hex(session)) if session else None
        return None if found is None or found.member not in self.members else found.member

    async def end_session(self, session: str | None) -> int | None:
        """Ends the session; returns its `auth_time`, None if there was no session."""
        found = await self.records.sessions.load(handles.sha256_hex(session)) if session else None
        if found is None:
            return None
        await self.records.sessions.end(found.digest, self._event("staff_signed_out", found.member))
        return found.auth_time

    def _event(self, kind: str, member: str | None, **details: str) -> AuditEvent:
        return AuditEvent(kind, self.system.now(), f"staff:{member or 'unknown'}", details=details)


def _path(then: str) -> str:
    """The path, if it belongs to the console and not to another site; else the home page."""
    return then if then.startswith("/") and not then.startswith(("//", "/\\")) and then.isprintable() else "/"
