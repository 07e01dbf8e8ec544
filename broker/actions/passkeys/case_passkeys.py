"""Passkeys of cases: made in the asking browser, and used on any device to take up the approved identity.

`CasePasskeys` is what a sign-in with a passkey reads and writes. A passkey whose case is approved binds the identity in
that sign-in; the identity is kept in the same transaction, and every later sign-in finds it.
"""

from dataclasses import dataclass

from broker.actions.assisted.citizen import CitizenCases, asking_browser
from broker.actions.assisted.context import CaseChange, CaseContext, change_case, load_case, update_case
from broker.actions.assisted.former import former_of
from broker.actions.assisted.kept_identity import bound
from broker.actions.browser import Browser
from broker.actions.passkeys.kept import CHALLENGE_SIZE, HANDLE_SIZE, KeptRefusal, kept_days, kept_seconds
from broker.actions.passkeys.ports import PasskeysInUse
from broker.actions.passkeys.sign_in import PasskeyProviderNow, passkey_provider
from broker.actions.sign_in.context import load_own_transaction
from broker.actions.views import DeadEnd
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import CasePasskey, IdentityBinding
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.assisted.proofs import Proofs, worth
from broker.assisted.transitions import TransitionRefused
from broker.crypto.passkeys import TIMEOUT, PasskeyFault, PasskeyOwner, registration_options, verify_registration
from broker.journey.transaction import Transaction
from broker.model import handle as handles
from broker.model.json_types import JsonObject
from broker.model.passkey import KeptIdentity, KnownPasskey, Passkey, credential_digest
from broker.model.service import Service
from broker.platform import base64url


@dataclass(frozen=True, slots=True)
class CasePasskeys:
    """Passkeys as a sign-in needs them (`passkey_provider.StoredPasskeys`)."""

    passkeys: PasskeysInUse
    cases: CaseContext

    async def find(self, digest: str) -> KnownPasskey | None:
        """The passkey with this digest of a credential id, and the identity to which it leads."""
        return await self.passkeys.find(digest)

    async def use(self, passkey: Passkey, sign_count: int, now: float) -> bool:
        """Records a verified use with the new signature counter. False if another use came first."""
        return await self.passkeys.use(passkey, sign_count, now)

    async def take_up(self, passkey: Passkey) -> KeptIdentity | None:
        """Binds the approved case of a passkey that was just verified. None if the case does not allow it (yet)."""
        if passkey.case is None:
            return None
        now, rule = self.cases.system.now(), self.cases.rules.profiles.authentication
        binding = IdentityBinding(
            handles.new_handle(self.cases.system),
            now,
            worth(Proofs(passkey=True, device_bound=passkey.device_bound), rule),
            ("user", "hwk" if passkey.device_bound else "swk"),
            asking_browser=False,
            code=False,
            words=False,
            passkey=passkey.digest,
        )

        case = await load_case(self.cases, passkey.case)
        if case is None:
            return None
        former = await former_of(self.cases, case)

        def taken_up(case: Case) -> CaseChange | TransitionRefused | None:
            return bound(self.cases, case, binding, former) if case.state is CaseState.APPROVED else None

        await change_case(self.cases, case, taken_up)
        known = await self.passkeys.find(passkey.digest)
        if known is None or known.kept is None:
            return None
        # what is kept from now on has all that services may receive: the case is not needed any more
        await update_case(self.cases, case.id, ev.Released())
        return known.kept


@dataclass(frozen=True, slots=True)
class CaseRegistration:
    """What the page that makes a passkey for a case asks the browser; `ceremony` names it in the form."""

    transaction: Transaction
    service: Service | None
    ceremony: str
    options: JsonObject
    days: tuple[int, ...]
    default: int


@dataclass(frozen=True, slots=True)
class _Own:
    """The transaction with its case, in the asking browser, and the provider of passkeys."""

    transaction: Transaction
    case: Case
    provider: PasskeyProviderNow


async def begin_for_case(
    cases: CitizenCases, handle: str, browser: Browser, name: str
) -> CaseRegistration | KeptRefusal | DeadEnd:
    """Prepares a passkey in the asking browser of an open case."""
    own = await _own(cases, handle, browser)
    if not isinstance(own, _Own):
        return own
    context, system = cases.sign_in_context, cases.sign_in_context.system
    challenge, user = system.random_bytes(CHALLENGE_SIZE), system.random_bytes(HANDLE_SIZE)
    ceremony = handles.new_handle(system)
    note = ".".join((own.transaction.id, base64url.encode(challenge), base64url.encode(user)))
    await context.stores.continuations.put(_place(ceremony), note, system.now() + TIMEOUT)
    options = registration_options(own.provider.terms.party, challenge, PasskeyOwner(user, name))
    days, default = kept_days(own.provider)
    return CaseRegistration(own.transaction, context.service(own.transaction), ceremony, options, days, default)


async def register_for_case(
    cases: CitizenCases, handle: str, browser: Browser, answer: tuple[str, str, int]
) -> KeptRefusal | DeadEnd | None:
    """Verifies the browser's answer, and adds the passkey to the case. `answer` is the ceremony, what the browser said,
    and for how many days the identity is to be kept."""
    ceremony, said, days = answer
    own = await _own(cases, handle, browser)
    note = await cases.sign_in_context.stores.continuations.take(_place(ceremony)) if ceremony else None
    if not isinstance(own, _Own):
        return own
    mine, _, rest = (note or "").partition(".")
    if mine != own.transaction.id:
        return KeptRefusal.UNKNOWN
    challenge, user = (base64url.decode(part) for part in rest.split("."))
    made = verify_registration(own.provider.terms.party, challenge, said)
    if isinstance(made, PasskeyFault):
        return KeptRefusal.REFUSED
    now, digest = cases.context.system.now(), credential_digest(made.credential)
    passkey = Passkey(
        digest, made.credential, made.public_key, user, made.device_bound, "", now, made.sign_count, case=own.case.id
    )
    keep = kept_seconds(own.provider, days)

    change = CaseChange(
        (ev.PasskeyRegistered(CasePasskey(digest, now, own.case.asker, keep)),), CaseWork(passkey=passkey)
    )
    done = await change_case(cases.context, own.case, lambda _: change)
    return None if isinstance(done, Case) else KeptRefusal.UNKNOWN


async def remove_from_case(cases: CitizenCases, handle: str, browser: Browser) -> KeptRefusal | DeadEnd | None:
    """Removes the passkey of the case: without one nothing is kept after the sign-in."""
    own = await _own(cases, handle, browser)
    if not isinstance(own, _Own):
        return own

    def removed(case: Case) -> CaseChange | KeptRefusal:
        made = case.passkey
        gone = CaseWork(removed="" if made is None else made.digest)
        return KeptRefusal.UNKNOWN if made is None else CaseChange((ev.PasskeyRemoved(),), gone)

    done = await change_case(cases.context, own.case, removed)
    return None if isinstance(done, Case) else KeptRefusal.UNKNOWN


async def _own(cases: CitizenCases, handle: str, browser: Browser) -> _Own | KeptRefusal | DeadEnd:
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    case = None if transaction.case is None else await load_case(cases.context, transaction.case)
    provider = passkey_provider(cases.sign_in_context.registry)
    if case is None or provider is None or not asking_browser(transaction, case):
        return KeptRefusal.UNKNOWN
    return _Own(transaction, case, provider)


def _place(ceremony: str) -> str:
    return f"case-passkey:{ceremony}"
