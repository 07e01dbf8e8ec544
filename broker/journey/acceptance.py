"""What may be believed of what a provider, a verification case or the broker's own session says."""

from dataclasses import dataclass, replace

from broker.journey.provider_offer import Candidate, unanswerable, usable
from broker.journey.transaction import Transaction, TransactionState
from broker.model.failures import FailureClass
from broker.model.identity import HELP, Identity
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.model.service import Service
from broker.model.session import Session

CLOCK_SKEW = 60
"""By how much (seconds) a provider's clock may differ from ours."""

NEVER_SILENT = frozenset({"login", "select_account", "create"})
"""Values of `prompt` that no session may answer (OpenID Connect Core 3.1.2.1; Initiating User Registration 4)."""


@dataclass(frozen=True, slots=True)
class AcceptedIdentity:
    """An identity as it is believed: its level is never above what its provider is registered for."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class AccountMatch:
    """Who an identity belongs to here: its account, and the pairwise subject the service knows it by.

    Both are None for a person not seen before, `subject` alone for one the service was never told about.
    """

    account: str | None = None
    subject: str | None = None


def accept_identity(
    transaction: Transaction,
    identity: Identity,
    candidate: Candidate | None,
    service: Service,
    switches: KillSwitches,
    now: float,
) -> AcceptedIdentity | FailureClass:
    """What is believed of an identity that came in, or that stood for a while, with everything read again `now`.

    `candidate` is the provider that `identity` names, None where it is not configured or the identity was proven by a
    verification case. For CHECKING, WAITING and IDENTIFIED; anywhere else nothing can have come in: OUR_FAULT.
    """
    asked = _asked(transaction)
    if asked is None:
        return FailureClass.OUR_FAULT
    if identity.provider != asked:
        return FailureClass.UNSAFE_REPLY
    return _check_level(transaction, identity, candidate, service, switches, now)


def check_account(
    transaction: Transaction,
    person: AccountMatch,
    candidate: Candidate | None,
    switches: KillSwitches,
    now: float,
) -> FailureClass | None:
    """What stands against the person whom a believed identity belongs to; None if nothing does.

    Their account may be off, the provider may take no newcomers any more, or the service may have asked for another
    person (`id_token_hint`, OpenID Connect Core 3.1.2.1).
    """
    if person.account is not None and switches.is_off(KillSwitchKind.ACCOUNT, person.account):
        return FailureClass.ACCOUNT_OFF
    if candidate is not None and person.account is None and not candidate.policy.accepts_new(now):
        return FailureClass.NO_NEWCOMERS
    if transaction.request.expected_sub not in (None, person.subject):
        return FailureClass.OTHER_ACCOUNT
    return None


def accept_session(
    transaction: Transaction,
    session: Session,
    subject: str | None,
    candidate: Candidate | None,
    service: Service,
    switches: KillSwitches,
    now: float,
) -> AcceptedIdentity | FailureClass:
    """Whether the broker's own session may answer this transaction, with everything read again `now`.

    `subject` is the pairwise subject by which the service knows the session's account, `candidate` the provider of
    the session's identity. SILENT says that the citizen has to sign in: because the service or its request wants
    that, because the session is too old, or because the service asked for somebody else.
    """
    request = transaction.request
    wanted = service.single_sign_on and NEVER_SILENT.isdisjoint(request.prompt)
    young = request.max_age is None or now - session.identity.auth_time <= request.max_age
    hinted = request.expected_sub in (None, subject)
    if not (transaction.state is TransactionState.CHOOSING and wanted and young and hinted and now < session.expires):
        return FailureClass.SILENT
    refusal = check_account(transaction, AccountMatch(session.account, subject), candidate, switches, now)
    return refusal or _check_level(transaction, session.identity, candidate, service, switches, now)


def _asked(transaction: Transaction) -> str | None:
    """Who was asked to say who the citizen is."""
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
    """The checks that every identity passes, wherever it comes from, the cheap ones first."""
    if switches.is_off(KillSwitchKind.SERVICE, service.client_id) or service.client_id != transaction.request.client_id:
        return FailureClass.SERVICE_OFF
    if unanswerable(transaction, service):
        return FailureClass.SERVICE_OFF
    if candidate is None:
        if identity.provider != HELP or not service.assisted:
            return FailureClass.WAY_CLOSED
        believed = identity
    else:
        if candidate.card.id != identity.provider:
            return FailureClass.UNSAFE_REPLY
        if not usable(candidate, service, switches, now):
            return FailureClass.WAY_CLOSED
        believed = _bounded(identity, candidate)
    if not _timely(transaction, believed, now):
        return FailureClass.UNSAFE_REPLY
    if believed.level < transaction.request.min_level:
        return FailureClass.LEVEL_TOO_LOW
    # a claim that is not there bars nobody, though the service called it essential (OpenID Connect Core 5.5.1)
    return AcceptedIdentity(believed)


def _bounded(identity: Identity, candidate: Candidate) -> Identity:
    """The identity with no level above the provider's registration, its verification included."""
    highest = candidate.card.max_level
    verification = identity.verification
    if identity.level <= highest and (verification is None or verification.level <= highest):
        return identity
    if verification is not None and verification.level > highest:
        verification = replace(verification, level=highest)
    return replace(identity, level=min(identity.level, highest), verification=verification)


def _timely(transaction: Transaction, identity: Identity, now: float) -> bool:
    """Whether the sign-in is as fresh as the request demands, and not of the future.

    Age is counted back from when the request came in (OpenID Connect Core 3.1.2.1, `max_age`), so that nobody is
    turned away for reading the pages slowly.
    """
    request = transaction.request
    if identity.auth_time > now + CLOCK_SKEW:
        return False
    age = 0 if request.fresh else request.max_age
    return age is None or identity.auth_time >= transaction.created - age - CLOCK_SKEW
