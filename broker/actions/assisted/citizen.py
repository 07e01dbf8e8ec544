"""Assisted verification for the citizen: ask for help, wait, come back, prove to be the one who asked, bind."""

from dataclasses import dataclass, replace

from broker.actions.assisted.asking import (
    acknowledgement,
    change_request,
    comes_by_appointment,
    help_offered,
    opening_rows,
    read_request,
)
from broker.actions.assisted.context import (
    CaseChange,
    CaseContext,
    apply_events,
    change_case,
    load_case,
    update_case,
)
from broker.actions.assisted.former import former_to_renew, purpose_of
from broker.actions.assisted.waiting import with_waiting
from broker.actions.browser import Browser
from broker.actions.results import (
    AskingMark,
    ContinuationIssued,
    HelpOffered,
    HelpRefused,
    HelpRequest,
    LimitKind,
    RateLimited,
)
from broker.actions.sign_in.case_link import CaseEnded, CaseProven
from broker.actions.sign_in.context import SignInContext, advance_transaction, load_own_transaction
from broker.actions.views import DeadEnd
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, ContactMethod
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStatus, asked_before, case_status
from broker.assisted.codes import (
    continuation_digest,
    phrase,
)
from broker.assisted.device_evidence import device_evidence
from broker.assisted.former import CasePurpose
from broker.assisted.proofs import Needs, needs
from broker.assisted.transitions import AFTER, TransitionRefused
from broker.assisted.verified_identity import identity
from broker.journey.events import HelpEnded, HelpRequested, HelpResumed
from broker.journey.transaction import Transaction
from broker.journey.transaction import TransactionState as Journey
from broker.model import handle as handles
from broker.model.backchannel_request import BackchannelRequest
from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.service import Service
from broker.model.store_results import CreateCaseResult

CODE_LENGTH = 16
"""Letters and digits of a continuation code: 78 bits."""

REFERENCE_LENGTH = 8
"""Letters and digits of a case's reference, which names the case and is no secret."""

STAFF_LANGUAGE = "en"
"""The language of the console."""

_ENDINGS = {
    CaseState.DECLINED: FailureClass.HELP_DECLINED,
    CaseState.REVOKED: FailureClass.HELP_REVOKED,
    CaseState.WITHDRAWN: FailureClass.HELP_WITHDRAWN,
    CaseState.EXPIRED: FailureClass.HELP_EXPIRED,
    CaseState.RELEASED: FailureClass.HELP_EXPIRED,
}


@dataclass(frozen=True, slots=True)
class CitizenCases:
    """What a citizen does with their case. `enabled` says if help is offered at all.

    `contact_methods` are how notices can be sent: without a confirmation code the citizen cannot bind the identity.
    """

    sign_in_context: SignInContext
    context: CaseContext
    enabled: bool = True
    contact_methods: frozenset[ContactMethod] = frozenset(ContactMethod)

    # --- asking ---

    async def offer_help(
        self, handle: str, browser: Browser, asked: CasePurpose = CasePurpose.NEW
    ) -> HelpOffered | DeadEnd | None:
        """The help on offer now: channels that reach the service's level, strongest first. None: no help."""
        transaction = await load_own_transaction(self.sign_in_context, handle, browser)
        if isinstance(transaction, DeadEnd):
            return transaction
        service = self.sign_in_context.service(transaction)
        if service is None or not self.enabled or transaction.state not in (Journey.CHOOSING, Journey.FAILED):
            return None
        purpose = purpose_of(transaction, asked)
        if purpose is CasePurpose.NEW:
            switches = await self.sign_in_context.stores.kill_switches.current()
            if not self.sign_in_context.offer(transaction, service, switches, self.sign_in_context.system.now()).help:
                return None
        elif not self.may_replace(transaction, service):
            return None
        offered = await help_offered(self.context, transaction, service, self.contact_methods)
        return None if offered is None else replace(offered, purpose=purpose)

    def may_replace(self, transaction: Transaction, service: Service | None) -> bool:
        """Whether a lost passkey can be replaced by a person in the sign-in."""
        known = service is not None and (service.assisted or transaction.request.errand is not None)
        return self.enabled and known and transaction.case is None

    async def request_help(
        self, handle: str, browser: Browser, request: HelpRequest
    ) -> ContinuationIssued | HelpRefused | RateLimited | DeadEnd:
        """Asks for help. Returns the continuation code, to be shown once."""
        offered = await self.offer_help(handle, browser, request.purpose)
        if isinstance(offered, DeadEnd):
            return offered
        if offered is None or request.channel not in offered.channels:
            return HelpRefused.NOT_NOW
        former = await former_to_renew(self.context, offered)
        if offered.purpose is CasePurpose.RENEWAL and former is None:
            return HelpRefused.NOT_NOW
        submitted = read_request(self.context, self.contact_methods, request)
        if isinstance(submitted, HelpRefused):
            return submitted
        rate = self.sign_in_context.policy.limits.help
        if not await self.sign_in_context.stores.rate_limits.allow(f"help:{browser.address}", rate.most, rate.window):
            return RateLimited(
                LimitKind.HELP, rate.ends(self.sign_in_context.system.now()), offered.service, offered.transaction
            )
        mark = browser.case_mark(offered.transaction.browser)
        return await self._open(handle, replace(offered, former=former), submitted, mark)

    async def _open(
        self, handle: str, offered: HelpOffered, submitted: ev.Submitted, mark: str
    ) -> ContinuationIssued | HelpRefused:
        """Creates the case, then lets the transaction wait for it. After a crash in between the citizen asks again.

        The case has the reference of the transaction, which the citizen may have read out already; another one if an
        earlier case has it.
        """
        transaction = offered.transaction
        reference = transaction.reference
        while True:
            code = handles.new_user_code(self.context.system, CODE_LENGTH)
            draft = self._new_case(replace(transaction, reference=reference), code, handles.sha256_hex(mark))
            draft = replace(draft, purpose=offered.purpose, former=offered.former)
            later = submitted.channel is Channel.SENT or comes_by_appointment(self.context, submitted.channel)
            ready = () if later else (ev.ReadyForSession(),)
            case = apply_events(self.context, draft, submitted, *ready)
            if isinstance(case, TransitionRefused):
                raise RuntimeError(f"a new case could not be submitted: {case}")
            case = replace(case, version=1)
            created = await self.context.stores.cases.create(
                case, opening_rows(case, transaction), acknowledgement(self.context, case)
            )
            if created is CreateCaseResult.DONE:
                break
            if created is CreateCaseResult.ONE_OPEN_ALREADY:
                await self._join(handle, transaction)
                return HelpRefused.NOT_NOW
            reference = handles.new_user_code(self.context.system, REFERENCE_LENGTH)
        await self.sign_in_context.stores.continuations.put(continuation_key(code), handle, transaction.expires)
        if await advance_transaction(self.sign_in_context, handle, transaction, HelpRequested(case.id)) is None:
            await self._join(handle, transaction)
        return ContinuationIssued(code, self.asking_mark(mark))

    def asking_mark(self, mark: str) -> AskingMark:
        """The mark of the asking browser, to be kept as long as a case can last."""
        policy = self.context.rules.policy
        return AskingMark(mark, policy.max_duration + policy.bind_by_post)

    async def _join(self, handle: str, transaction: Transaction) -> None:
        """Lets the transaction wait for the open case that was created for it before."""
        case = await self.context.stores.cases.by_transaction(transaction.id)
        latest = await self.sign_in_context.stores.transactions.load(handle)
        if case is not None and case.open and latest is not None:
            await advance_transaction(self.sign_in_context, handle, latest, HelpRequested(case.id))

    def _new_case(self, transaction: Transaction, code: str, asker: str) -> Case:
        now, policy = self.context.system.now(), self.context.rules.policy
        request = transaction.request
        return Case(
            id=handles.new_handle(self.context.system, size=16),
            version=1,
            state=CaseState.DRAFT,
            transaction=transaction.id,
            browser=transaction.browser,
            asker=asker,
            client_id=request.client_id,
            level=request.min_level,
            claims=request.requested_claims,
            language=transaction.language,
            reference=transaction.reference,
            resume_value=request.resume_value,
            phrase=phrase(self.context.system.random_bytes),
            created=now,
            changed=now,
            expires=now + policy.max_duration,
            deadline=now + policy.draft,
            continuation=continuation_digest(handles.normalize_user_code(code)),
        )

    # --- waiting ---

    async def offer_change(self, handle: str, browser: Browser) -> HelpOffered | DeadEnd | None:
        """The help on offer with what was asked for; None if it cannot be changed."""
        transaction = await load_own_transaction(self.sign_in_context, handle, browser)
        if isinstance(transaction, DeadEnd):
            return transaction
        case, service = await self._own(transaction), self.sign_in_context.service(transaction)
        asked = None if case is None else asked_before(case)
        if asked is None or service is None:
            return None
        offered = await help_offered(self.context, transaction, service, self.contact_methods)
        if offered is None:
            return None
        # a request that waits for files and one that waits for a meeting do not turn into each other
        ways = tuple(one for one in offered.ways if (one.channel is Channel.SENT) == (asked.channel is Channel.SENT))
        return replace(offered, ways=ways, asked=asked)

    async def change_request(self, handle: str, browser: Browser, request: HelpRequest) -> HelpRefused | DeadEnd | None:
        """Changes what was asked for."""
        offered = await self.offer_change(handle, browser)
        if isinstance(offered, DeadEnd):
            return offered
        case = None if offered is None else await self._own(offered.transaction)
        if offered is None or case is None or request.channel not in offered.channels:
            return HelpRefused.NOT_NOW
        return await change_request(self.context, self.contact_methods, case, request)

    async def _own(self, transaction: Transaction) -> Case | None:
        """The case that the transaction may collect."""
        case = None if transaction.case is None else await load_case(self.context, transaction.case)
        return case if case is not None and case.transaction == transaction.id else None

    async def resume_case(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Goes back to the open case from a failure or from a provider."""
        transaction = await load_own_transaction(self.sign_in_context, handle, browser)
        if isinstance(transaction, DeadEnd):
            return transaction
        if transaction.case is not None:
            await advance_transaction(self.sign_in_context, handle, transaction, HelpResumed())
        return None

    async def ready(self, handle: str, browser: Browser) -> DeadEnd | None:
        """The citizen is ready for the session: the case waits in the queue."""
        return await self._apply(handle, browser, ev.ReadyForSession())

    async def keep_open(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Keeps a request open that closes since staff missed the citizen too often."""
        return await self._apply(handle, browser, ev.KeptOpen())

    async def remove_second(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Removes the second address; notices go to both."""
        return await self._apply(handle, browser, ev.SecondRemoved())

    async def withdraw(self, handle: str, browser: Browser) -> DeadEnd | None:
        """Withdraws the request for help; its personal data is erased."""
        transaction = await load_own_transaction(self.sign_in_context, handle, browser)
        if isinstance(transaction, DeadEnd):
            return transaction
        if transaction.case is not None and isinstance(await self._change(transaction, ev.Withdrawn()), Case):
            await advance_transaction(
                self.sign_in_context, handle, transaction, HelpEnded(FailureClass.HELP_WITHDRAWN, transaction.case)
            )
        return None

    async def new_code(self, handle: str, browser: Browser) -> ContinuationIssued | DeadEnd | None:
        """A new continuation code for the case, in place of the last one. None if no case is open or was declined."""
        transaction = await load_own_transaction(self.sign_in_context, handle, browser)
        if isinstance(transaction, DeadEnd):
            return transaction
        code = handles.new_user_code(self.context.system, CODE_LENGTH)
        drawn = ev.ContinuationCodeIssued(continuation_digest(handles.normalize_user_code(code)))
        case = transaction.case or transaction.ended_case
        if case is None or not isinstance(await update_case(self.context, case, drawn), Case):
            return None
        await self.sign_in_context.stores.continuations.put(continuation_key(code), handle, transaction.expires)
        return ContinuationIssued(code)

    async def _apply(self, handle: str, browser: Browser, event: ev.Event) -> DeadEnd | None:
        transaction = await load_own_transaction(self.sign_in_context, handle, browser)
        if isinstance(transaction, DeadEnd):
            return transaction
        await self._change(transaction, event)
        return None

    async def _change(self, transaction: Transaction, event: ev.Event) -> object:
        return None if transaction.case is None else await update_case(self.context, transaction.case, event)

    # --- what the journey reads ---

    async def outcome(self, transaction: Transaction) -> CaseProven | CaseEnded | None:
        """The outcome of the transaction's case; None while the case is open.

        A case that continued in another transaction is over for this one. Only the browser in which help was asked
        for gets more than the level of a confirmation code.
        """
        case = None if transaction.case is None else await load_case(self.context, transaction.case)
        if case is None:
            return CaseEnded(FailureClass.HELP_EXPIRED)
        if case.transaction != transaction.id:
            return CaseEnded(FailureClass.HELP_ELSEWHERE)
        if case.frozen is not None and not case.open:
            return CaseEnded(FailureClass.HELP_REVOKED)
        if case.state in AFTER and case.binding is not None and case.binding.passkey is not None:
            return CaseEnded(FailureClass.HELP_ELSEWHERE)  # taken up in a sign-in of its own
        if case.state is CaseState.BOUND and case.binding is not None:
            proven = identity(case, self.context.rules.issuer, self.context.rules.profiles)
            if not asking_browser(transaction, case):
                proven = replace(proven, level=min(proven.level, self.context.rules.profiles.authentication.code))
            enough = proven.level >= transaction.request.min_level
            return CaseProven(proven) if enough else CaseEnded(FailureClass.HELP_TOO_LOW)
        if case.state is CaseState.EXPIRED and case.closing is not None:
            return CaseEnded(FailureClass.HELP_UNREACHED)
        return None if case.open else CaseEnded(_ENDINGS[case.state])

    async def case_status(self, transaction: Transaction) -> CaseStatus:
        """What the citizen may see of the case. Raises LookupError if there is none."""
        case = None if transaction.case is None else await load_case(self.context, transaction.case)
        if case is None:
            raise LookupError("the transaction waits for no case")
        attempts = (
            await self.context.stores.cases.attempts(case.id, attempt_counter(case))
            if case.state is CaseState.APPROVED
            else 0
        )
        status = case_status(
            case,
            self.context.rules.policy,
            self.context.system.now(),
            asking=asking_browser(transaction, case),
            needed=proof_needs(self.context, transaction, case),
            attempts=attempts,
        )
        return await with_waiting(self.context, case, status)

    async def withdraw_unneeded(self, transaction: Transaction) -> None:
        """Withdraws the case that is no longer needed after a sign-in with a provider, if there is one."""
        if transaction.case_to_withdraw is not None:
            await update_case(self.context, transaction.case_to_withdraw, ev.Withdrawn("another_way"))

    async def record_release(self, case: str) -> None:
        """The identity was released to a service: the case is erased."""
        await update_case(self.context, case, ev.Released())

    async def pending_question(self, transaction: Transaction) -> BackchannelRequest | None:
        """The waiting question of staff to the citizen of the transaction's case; None if no question is waiting."""
        if transaction.case is None:
            return None
        now, asked = self.context.system.now(), await self.context.stores.questions.of_case(transaction.case)
        return next((one for one in asked if one.is_pending(now)), None)

    async def record_confirmation(self, question: BackchannelRequest, identity: Identity) -> bool:
        """Records the confirmation of a question as evidence in its case; False if the case takes no more evidence."""
        if question.case is None:
            return False
        candidate = self.sign_in_context.candidate(identity.provider)
        way = identity.provider if candidate is None else candidate.card.name(STAFF_LANGUAGE)
        now = self.context.system.now()

        def confirmed(case: Case) -> CaseChange:
            made = device_evidence(case, question.id, identity.level, way, identity.claims, now)
            return CaseChange((ev.DeviceConfirmed(made),))

        return isinstance(await change_case(self.context, question.case, confirmed), Case)


def continuation_key(code: str) -> str:
    """The key under which the transaction of a case is stored by the case's continuation code."""
    return f"case:{handles.normalize_user_code(code)}"


def asking_browser(transaction: Transaction, case: Case) -> bool:
    """Whether this is the asking browser of the case (`Case.asker`)."""
    return transaction.browser == case.browser and not case.moved


def attempt_counter(case: Case) -> str:
    """The name of the attempt counter. Each round of the queue, and each time a lead allows it, begins new attempts."""
    again = f".{case.bind_round}" if case.bind_round else ""
    return f"bind:{case.queue_round}{again}"


def proof_needs(context: CaseContext, transaction: Transaction, case: Case) -> Needs:
    """What proves in this browser what the service needs."""
    rule, asking = context.rules.profiles.authentication, asking_browser(transaction, case)
    return needs(case.level, rule, asking=asking, exchanged=case.phrase_verified)
