"""Kept identities of an account: listed, kept for longer or shorter, and their passkeys added, named and removed.

Each change needs a fresh sign-in, as a change of the account's ways does. A kept identity ends with its way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from broker.account.links import refuse_change
from broker.actions.browser import Browser
from broker.actions.passkeys.ports import KeptIdentities, Passkeys
from broker.actions.passkeys.sign_in import PasskeyProviderNow, passkey_provider
from broker.actions.sign_in.consent import live_session
from broker.actions.sign_in.context import SignInContext
from broker.crypto.passkeys import (
    TIMEOUT,
    PasskeyFault,
    PasskeyOwner,
    registration_options,
    verify_registration,
)
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.model.kill_switches import KillSwitchKind
from broker.model.notification import Recipient
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import (
    KeptIdentity,
    KeptReach,
    KeptWithPasskeys,
    NewlyKept,
    Passkey,
    credential_digest,
    next_reminder,
)
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.model.session import Session
from broker.oidc.security_events import security_events
from broker.platform import base64url

PATH = "/account/kept"
"""Path at the broker's issuer of the page of what is kept."""
DAY = 86_400
LONGEST_NAME = 60
"""Characters of a passkey's name."""
HANDLE_SIZE = 32
CHALLENGE_SIZE = 32
OFFERED_DAYS = (1, 30, 90, 180, 365)
"""Days for which an identity may be kept, beside the operator's default and longest time."""


class KeptRefusal(StrEnum):
    """Why nothing was changed."""

    SIGNED_OUT = "signed_out"
    NOT_FRESH = "not_fresh"
    """A new sign-in is needed first."""
    UNKNOWN = "unknown"
    """It is not the account's (any more), or the page was too old."""
    NOT_OFFERED = "not_offered"
    """No provider of passkeys is configured, or it is turned off."""
    REFUSED = "refused"
    """The browser's answer was refused, or the passkey is registered already."""


@dataclass(frozen=True, slots=True)
class KeptContext:
    """What the actions on kept identities work with."""

    sign_in: SignInContext
    passkeys: Passkeys
    kept: KeptIdentities


@dataclass(frozen=True, slots=True)
class KeptView:
    """What is kept for the account of the browser's session. `fresh` says that it may be changed now.

    `days` are those for which an identity may be kept, with the default one.
    """

    kept: Sequence[KeptWithPasskeys]
    fresh: bool
    days: Sequence[int]
    default: int


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """What the page that makes a passkey asks the browser; `ceremony` names the registration in its form. `kept` is
    what the passkey will lead to; None if it is kept from then on."""

    ceremony: str
    options: JsonObject
    kept: KeptIdentity | None
    view: KeptView


@dataclass(frozen=True, slots=True)
class MadePasskey:
    """What the page sent: the registration, the browser's answer, and what the citizen calls the passkey."""

    ceremony: str
    answer: str
    name: str


@dataclass(frozen=True, slots=True)
class _Own:
    """The session of the browser with what is kept for its account."""

    session: Session
    kept: Sequence[KeptWithPasskeys]
    fresh: bool
    provider: PasskeyProviderNow | None


async def view(context: KeptContext, browser: Browser) -> KeptView | None:
    """What is kept for the account of the session; None if the browser is not signed in, or nothing is offered."""
    own = await _own(context, browser)
    return None if own is None or own.provider is None else _view(own, own.provider)


async def begin_registration(context: KeptContext, browser: Browser, name: str) -> NewRegistration | KeptRefusal:
    """Prepares a passkey for the account of the session. `name` is what the browser shows of its owner."""
    own = await _own(context, browser)
    if own is None:
        return KeptRefusal.SIGNED_OUT
    if own.provider is None:
        return KeptRefusal.NOT_OFFERED
    if not own.fresh:
        return KeptRefusal.NOT_FRESH
    system, mine = context.sign_in.system, _of_session(context, own)
    have = () if mine is None else mine.passkeys
    handle = have[0].user_handle if have else system.random_bytes(HANDLE_SIZE)
    challenge, ceremony = system.random_bytes(CHALLENGE_SIZE), handles.new_handle(system)
    note = ".".join((own.session.digest, base64url.encode(challenge), base64url.encode(handle)))
    await context.sign_in.stores.continuations.put(_place(ceremony), note, system.now() + TIMEOUT)
    owner = PasskeyOwner(handle, name, tuple(one.credential for one in have))
    options = registration_options(own.provider.terms.party, challenge, owner)
    return NewRegistration(ceremony, options, None if mine is None else mine.kept, _view(own, own.provider))


async def register(
    context: KeptContext, browser: Browser, made: MadePasskey, *, days: int, language: str
) -> KeptRefusal | None:
    """Verifies the browser's answer, and adds the passkey: to what is kept of the session's identity, or to that
    identity, which is kept from now on for `days`. Reminders are in `language`."""
    ceremony, answer, name = made.ceremony, made.answer, made.name
    own = await _own(context, browser)
    note = await context.sign_in.stores.continuations.take(_place(ceremony)) if ceremony else None
    if own is None:
        return KeptRefusal.SIGNED_OUT
    if own.provider is None:
        return KeptRefusal.NOT_OFFERED
    if not own.fresh:
        return KeptRefusal.NOT_FRESH
    session, _, rest = (note or "").partition(".")
    if session != own.session.digest:
        return KeptRefusal.UNKNOWN
    challenge, handle = (base64url.decode(part) for part in rest.split("."))
    said = verify_registration(own.provider.terms.party, challenge, answer)
    if isinstance(said, PasskeyFault):
        return KeptRefusal.REFUSED
    now, mine = context.sign_in.system.now(), _of_session(context, own)
    kept = _new_kept(context, own.session.identity, own.provider, now, days) if mine is None else mine.kept
    passkey = Passkey(
        digest=credential_digest(said.credential),
        credential=said.credential,
        public_key=said.public_key,
        user_handle=handle,
        device_bound=said.device_bound,
        name=_cleaned(name),
        created=now,
        sign_count=said.sign_count,
        owner=kept.key,
    )
    added = _event(context, "passkey_added", own)
    created = _happened(context, own, HappenedKind.PASSKEY_CREATED, passkey.digest)
    told = _tell(context, replace(created, roaming=passkey.device_bound))
    if mine is not None:
        return None if await context.passkeys.add(passkey, own.session, added, told) else KeptRefusal.REFUSED
    events = [_event(context, "passkey_identity_kept", own), added]
    reach = KeptReach(_addresses(kept.identity, language), _remind_at(context, kept))
    new = NewlyKept(kept, passkey, own.provider.card.id, reach)
    done = await context.kept.keep(own.session, new, events, told)
    return None if done else KeptRefusal.REFUSED


async def rename(context: KeptContext, browser: Browser, digest: str, name: str) -> KeptRefusal | None:
    """Names a passkey of the account."""
    own = await _own(context, browser)
    found = KeptRefusal.SIGNED_OUT if own is None else _changeable(own, digest)
    if isinstance(found, KeptRefusal):
        return found
    await context.passkeys.rename(replace(found, name=_cleaned(name)))
    return None


async def remove(context: KeptContext, browser: Browser, digest: str) -> KeptRefusal | None:
    """Removes a passkey of the account; what is kept stays until its end."""
    own = await _own(context, browser)
    if own is None:
        return KeptRefusal.SIGNED_OUT
    found = _changeable(own, digest)
    if isinstance(found, KeptRefusal):
        return found
    removed = _happened(context, own, HappenedKind.PASSKEY_REVOKED, found.digest)
    told = _tell(context, replace(removed, roaming=found.device_bound))
    done = await context.passkeys.remove(found, _event(context, "passkey_removed", own), told)
    return None if done else KeptRefusal.UNKNOWN


async def keep_for(context: KeptContext, browser: Browser, key: str, days: int) -> KeptRefusal | None:
    """Changes for how long an identity is kept, counted from when its source said it last.

    If the session's identity comes from the same source, that is now, and what it says replaces what was kept.
    """
    own = await _own(context, browser)
    if own is None:
        return KeptRefusal.SIGNED_OUT
    kept = next((one.kept for one in own.kept if one.kept.key == key), None)
    if own.provider is None or kept is None:
        return KeptRefusal.UNKNOWN
    if not own.fresh:
        return KeptRefusal.NOT_FRESH
    proof, now, before = own.session.identity, context.sign_in.system.now(), kept.identity.level
    if proof.provider == kept.identity.provider:
        said = _keepable(proof, own.provider)
        same = replace(said, issuer=kept.identity.issuer, subject=kept.identity.subject)
        kept = replace(kept, identity=same, since=now)
    kept = replace(kept, expires=kept.since + kept_seconds(own.provider, days))
    told: Sequence[OutboundDelivery] = ()
    if (after := kept.identity.level) != before:
        changed = _happened(context, own, HappenedKind.LEVEL_CHANGED, f"{kept.key} {now}")
        told = _tell(context, replace(changed, level_before=before, level_after=after))
    event = _event(context, "kept_identity_changed", own)
    done = await context.kept.renew(kept, _remind_at(context, kept), event, told)
    return None if done else KeptRefusal.UNKNOWN


def _remind_at(context: KeptContext, kept: KeptIdentity) -> float | None:
    return next_reminder(kept.expires, context.sign_in.system.now(), context.sign_in.policy.account.reminders)


def _addresses(proof: Identity, language: str) -> tuple[Recipient, ...]:
    """The address for reminders: an email address that the source of the identity verified."""
    email = proof.claims.get("email")
    verified = proof.claims.get("email_verified") is True
    return (Recipient("email", email, language),) if verified and isinstance(email, str) else ()


def _happened(context: KeptContext, own: _Own, kind: HappenedKind, fact: str) -> Happened:
    """A change that the citizen made, for services that receive security events."""
    now = context.sign_in.system.now()
    return Happened(kind=kind, account=own.session.account, fact=fact, at=now, by=InitiatingEntity.USER)


def _tell(context: KeptContext, happened: Happened) -> Sequence[OutboundDelivery]:
    return security_events(happened, context.sign_in.registry.services)


async def _own(context: KeptContext, browser: Browser) -> _Own | None:
    """The session with what is kept; None if the browser is not signed in."""
    session = await live_session(context.sign_in, browser)
    if session is None:
        return None
    stores, now = context.sign_in.stores, context.sign_in.system.now()
    ways = await stores.links.ways(session.account)
    refusal = refuse_change(session.identity, ways, now, context.sign_in.policy.account.fresh_for)
    kept = [one for one in await context.kept.of_account(session.account) if now < one.kept.expires]
    provider = passkey_provider(context.sign_in.registry)
    if session.identity.act is not None:
        provider = None  # who acts for another is kept neither as the one nor as the other
    if provider is not None:
        switches = await stores.kill_switches.current()
        if switches.is_off(KillSwitchKind.PROVIDER, provider.card.id) or not provider.policy.enabled:
            provider = None
    return _Own(session, kept, refusal is None, provider)


def _view(own: _Own, provider: PasskeyProviderNow) -> KeptView:
    return KeptView(own.kept, own.fresh, *kept_days(provider))


def kept_days(provider: PasskeyProviderNow) -> tuple[tuple[int, ...], int]:
    """The days for which an identity may be kept, and the default."""
    most, default = provider.terms.keep_at_most // DAY, provider.terms.keep // DAY
    return tuple(sorted({default, most, *(each for each in OFFERED_DAYS if each <= most)})), default


def _of_session(context: KeptContext, own: _Own) -> KeptWithPasskeys | None:
    """What is kept of the identity that the session proved: that identity itself, or what its provider said before."""
    proof = own.session.identity
    key = context.kept.key(proof.issuer, proof.subject)
    same = [one for one in own.kept if one.kept.key == key]
    return next(iter(same or [one for one in own.kept if one.kept.identity.provider == proof.provider]), None)


def _new_kept(
    context: KeptContext, proof: Identity, provider: PasskeyProviderNow, now: float, days: int
) -> KeptIdentity:
    """The session's identity under an issuer and a subject of its own."""
    issuer, subject = f"{context.sign_in.policy.issuer}/kept", handles.new_handle(context.sign_in.system)
    identity = replace(_keepable(proof, provider), issuer=issuer, subject=subject)
    return KeptIdentity(context.kept.key(issuer, subject), identity, now, now + kept_seconds(provider, days))


def _keepable(proof: Identity, provider: PasskeyProviderNow) -> Identity:
    """What is kept of an identity: what services may receive, and nothing that acts at its provider."""
    return Identity(
        provider=proof.provider,
        issuer=proof.issuer,
        subject=proof.subject,
        level=min(proof.level, provider.card.max_level),
        amr=proof.amr,
        auth_time=proof.auth_time,
        claims=proof.claims,
        verification=proof.verification,
    )


def _changeable(own: _Own, digest: str) -> Passkey | KeptRefusal:
    found = [passkey for one in own.kept for passkey in one.passkeys if passkey.digest == digest]
    if not own.fresh:
        return KeptRefusal.NOT_FRESH
    return found[0] if found else KeptRefusal.UNKNOWN


def kept_seconds(provider: PasskeyProviderNow, days: int) -> int:
    """The time for which an identity is kept; the default one for a number of days that is not offered."""
    chosen = days * DAY
    return chosen if 0 < chosen <= provider.terms.keep_at_most else provider.terms.keep


def _cleaned(name: str) -> str:
    """A name on one line, without characters that do not print."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:LONGEST_NAME]


def _event(context: KeptContext, kind: str, own: _Own) -> AuditEvent:
    return AuditEvent(
        kind,
        context.sign_in.system.now(),
        "citizen",
        provider=own.session.identity.provider,
        account=own.session.account,
    )


def _place(ceremony: str) -> str:
    return f"passkey:{ceremony}"
