"""Acceptance of identities: checks what a provider, a verification case or the broker's own session asserts."""

from dataclasses import dataclass, replace

from broker.journey.provider_offer import Candidate, redirect_uri_removed, usable
from broker.journey.transaction import AskedAgain, Transaction, TransactionState
from broker.model.account import ACCOUNT_SERVICE, ErrandKind
from broker.model.failures import FailureClass
from broker.model.identity import ACTING_FOR, HELP, Identity
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.model.service import Service
from broker.model.session import Session

CLOCK_SKEW = 60
"""Tolerated difference to the provider's clock in seconds."""

NEVER_SILENT = frozenset({"login", "select_account", "create"})
"""Values of `prompt` that exclude single sign-on (OpenID Connect Core 3.1.2.1; Initiating User Registration 4)."""


@dataclass(frozen=True, slots=True)
class AcceptedIdentity:
    """Identity that passed every check. Its level is capped by the level its provider is registered for."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class AccountMatch:
    """Account of an identity, and the pairwise subject under which the service knows it.

    Both are None for a new person; `subject` alone is None if the service has not received one yet. `reassigned`: the
    provider gave the identity of this account to another person. `blocked`: it reported that its account is disabled.
    `outdated`: a credential of it was lost or changed after this sign-in. `refused`: the citizen blocked the service.
    `stopped`: the citizen stopped this way to sign in.
    """

    account: str | None = None
    subject: str | None = None
    reassigned: bool = False
    blocked: bool = False
    outdated: bool = False
    refused: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class SessionMatch:
    """The broker's session of this browser, as it matches the request of a service.

    `subject` is the pairwise subject under which the service knows the session's account, if any; `candidate` is the
    provider of the session's identity, None if it is not configured or if a verification case proved the identity.
    """

    session: Session
    subject: str | None
    candidate: Candidate | None


def accept_identity(
    transaction: Transaction,
    identity: Identity,
    candidate: Candidate | None,
    service: Service,
    switches: KillSwitches,
    now: float,
) -> AcceptedIdentity | FailureClass:
    """Checks an incoming or stored identity against the state as of `now`.

    `candidate` is the provider that `identity` names, None if it is not configured or if a verification case proved the
    identity. Valid in CHECKING, WAITING and IDENTIFIED. Returns OUR_FAULT in any other state, since no identity can
    come in there.
    """
    expected = _expected_provider(transaction)
    if expected is None:
        return FailureClass.OUR_FAULT
    if identity.provider != expected:
        return FailureClass.UNSAFE_REPLY
    return _check_level(transaction, identity, candidate, service, switches, now)


def check_account(
    transaction: Transaction,
    person: AccountMatch,
    candidate: Candidate | None,
    switches: KillSwitches,
    now: float,
) -> FailureClass | None:
    """Checks the account of an accepted identity. Returns the reason for which it is rejected, or None.

    It may be another person's, blocked by the provider, or turned off; its citizen may have blocked the service; the
    provider may accept no new users any more, or the service may have requested another person (`id_token_hint`, OpenID
    Connect Core 3.1.2.1).
    """
    if person.reassigned:
        return FailureClass.OTHER_PERSON
    if person.blocked:
        return FailureClass.CANNOT_USE
    if person.stopped:
        return FailureClass.WAY_STOPPED
    if person.outdated:
        return FailureClass.SESSION_ENDED
    if person.account is not None and switches.is_off(KillSwitchKind.ACCOUNT, person.account):
        return FailureClass.ACCOUNT_OFF
    if person.refused:
        return FailureClass.SERVICE_REFUSED
    if candidate is not None and person.account is None and not candidate.policy.accepts_new(now):
        return FailureClass.NO_NEWCOMERS
    if transaction.request.expected_sub not in (None, person.subject):
        return FailureClass.OTHER_ACCOUNT
    return None


def accept_session(
    transaction: Transaction,
    match: SessionMatch,
    service: Service,
    switches: KillSwitches,
    now: float,
) -> AcceptedIdentity | FailureClass:
    """Checks whether the broker's own session may answer this transaction (single sign-on), against the state as of
    `now`.

    Returns SILENT if the citizen has to sign in: the service or its request requires it, the session is too old, the
    citizen signed in on behalf of another, or the service requested another person.
    """
    request, session = transaction.request, match.session
    wanted = service.single_sign_on and NEVER_SILENT.isdisjoint(request.prompt)
    young = request.max_age is None or now - session.identity.auth_time <= request.max_age
    hinted = request.expected_sub in (None, match.subject)
    if acts_for_another(transaction, session.identity):
        return FailureClass.SILENT
    if not (transaction.state is TransactionState.CHOOSING and wanted and young and hinted and now < session.expires):
        return FailureClass.SILENT
    refusal = check_account(transaction, AccountMatch(session.account, match.subject), match.candidate, switches, now)
    return refusal or _check_level(transaction, session.identity, match.candidate, service, switches, now)


def why_asked_again(transaction: Transaction, match: SessionMatch, service: Service) -> AskedAgain | None:
    """Why a session that `accept_session` rejected does not answer, in the words of the page.

    Returns None for a reason that says nothing about the citizen's sign-in, such as a provider that was turned off.
    """
    request, session = transaction.request, match.session
    if request.expected_sub not in (None, match.subject):
        return AskedAgain.PERSON
    if not service.single_sign_on or not NEVER_SILENT.isdisjoint(request.prompt):
        return AskedAgain.FRESH
    if request.max_age is not None and transaction.created - session.identity.auth_time > request.max_age:
        return AskedAgain.AGE
    return AskedAgain.LEVEL if session.identity.level < request.min_level else None


def _expected_provider(transaction: Transaction) -> str | None:
    """Provider from which the transaction expects an identity in its state."""
    match transaction.state:
        case TransactionState.CHECKING:
            return None if transaction.attempt is None else transaction.attempt.provider
        case TransactionState.WAITING:
            return HELP
        case TransactionState.IDENTIFIED:
            return None if transaction.identity is None else transaction.identity.provider
        case _:
            return None


def _check_level(
    transaction: Transaction,
    identity: Identity,
    candidate: Candidate | None,
    service: Service,
    switches: KillSwitches,
    now: float,
) -> AcceptedIdentity | FailureClass:
    """Checks that every identity must pass, from whichever source, cheapest first."""
    if switches.is_off(KillSwitchKind.SERVICE, service.client_id) or service.client_id != transaction.request.client_id:
        return FailureClass.SERVICE_OFF
    if redirect_uri_removed(transaction, service):
        return FailureClass.SERVICE_OFF
    if candidate is None:
        if identity.provider != HELP or not (service.assisted or _asks_person(transaction)):
            return FailureClass.WAY_CLOSED
        accepted = identity
    else:
        if candidate.card.id != identity.provider:
            return FailureClass.UNSAFE_REPLY
        if not usable(candidate, service, switches, now):
            return FailureClass.WAY_CLOSED
        if not _source_usable(identity, candidate.source, service, switches, now):
            return FailureClass.WAY_CLOSED
        accepted = _capped(identity, candidate)
    if not _is_recent(transaction, accepted, now):
        return FailureClass.UNSAFE_REPLY
    if acts_for_another(transaction, accepted):
        return FailureClass.ACTING_FOR_ANOTHER
    if accepted.level < transaction.request.min_level:
        return FailureClass.LEVEL_TOO_LOW
    # a missing claim is no error, even if the service marked it essential (OpenID Connect Core 5.5.1)
    return AcceptedIdentity(accepted)


def _asks_person(transaction: Transaction) -> bool:
    """Whether the citizen asked a person for something about what the broker keeps, for no service."""
    errand = transaction.request.errand
    return errand is not None and errand.kind in (ErrandKind.RENEW, ErrandKind.REBIND)


def _source_usable(
    identity: Identity, source: Candidate | None, service: Service, switches: KillSwitches, now: float
) -> bool:
    """Whether the service takes identities from where a kept one came: what stops the source stops its copy too.

    The broker's own account pages take those that a verification case proved, so that citizens can manage them.
    """
    if identity.source is None:
        return True
    if identity.source == HELP:
        return service.assisted or service.client_id == ACCOUNT_SERVICE
    return source is not None and source.card.id == identity.source and usable(source, service, switches, now)


def acts_for_another(transaction: Transaction, identity: Identity) -> bool:
    """Whether a person acts for another, and the service did not ask for whom: it would take the one for the other."""
    return identity.act is not None and ACTING_FOR not in transaction.request.requested_claims


def _capped(identity: Identity, candidate: Candidate) -> Identity:
    """Caps the level of the identity and of its verification by the provider's registration, and by its source's."""
    levels = [one.card.max_level for one in (candidate, candidate.source) if one is not None]
    highest = min(levels)
    verification = identity.verification
    if identity.level <= highest and (verification is None or verification.level <= highest):
        return identity
    if verification is not None and verification.level > highest:
        verification = replace(verification, level=highest)
    return replace(identity, level=min(identity.level, highest), verification=verification)


def _is_recent(transaction: Transaction, identity: Identity, now: float) -> bool:
    """Whether the sign-in is as recent as the request demands, and not in the future.

    The age counts from the arrival of the request (OpenID Connect Core 3.1.2.1, `max_age`), so that reading the pages
    slowly is no failure.
    """
    request = transaction.request
    if identity.auth_time > now + CLOCK_SKEW:
        return False
    age = 0 if request.fresh else request.max_age
    return age is None or identity.auth_time >= transaction.created - age - CLOCK_SKEW
