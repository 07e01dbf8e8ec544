"""Binding an approved identity: the citizen proves by code and words that they opened the case, or meets again."""

from collections.abc import Callable
from dataclasses import replace

from broker.actions.assisted.call_backs import call_back_code
from broker.actions.assisted.citizen import CitizenCases, asking_browser, attempt_counter, proof_needs
from broker.actions.assisted.context import CaseChange, change_case, load_case, notice, update_case
from broker.actions.assisted.former import former_of
from broker.actions.assisted.kept_identity import bound
from broker.actions.browser import Browser
from broker.actions.results import AskingMark, HelpRefused, IncompleteProof, ProofField, ProofResult, TypedProof
from broker.actions.sign_in.context import audit_event, load_own_transaction
from broker.actions.views import DeadEnd
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Confirmation, Contact, ContactMethod, IdentityBinding
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.assisted.codes import (
    confirmation_code,
    confirmation_digest,
    has_code_shape,
    has_phrase_shape,
    phrase,
    verify_call_code,
    verify_code,
    verify_phrase,
)
from broker.assisted.proofs import Needs, Proofs, worth
from broker.assisted.renewing import binds_from
from broker.assisted.transitions import TransitionRefused
from broker.journey.transaction import Transaction
from broker.model import handle as handles
from broker.model.notification import NoticeTimes, NotificationKind


async def send_code(cases: CitizenCases, handle: str, browser: Browser) -> HelpRefused | DeadEnd | None:
    """Sends a confirmation code, in place of the last one. JUST_SENT if that one was sent seconds ago."""
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    if transaction.case is None:
        return None
    code = confirmation_code(cases.context.system.random_bytes)
    done = await change_case(cases.context, transaction.case, lambda case: _code_sent(cases, case, code))
    return HelpRefused.JUST_SENT if done is TransitionRefused.JUST_SENT else None


def _code_sent(cases: CitizenCases, case: Case, code: str) -> CaseChange | None:
    """The change that sends a code, with its notice; None if the case takes none."""
    if case.state is not CaseState.APPROVED or case.contact is None:
        return None
    now, (way, address) = cases.context.system.now(), _code_address(case, case.contact)
    life = cases.context.rules.policy.code(way)
    sent = ev.CodeSent(Confirmation(confirmation_digest(case.id, code), way, now, now + life))
    sent_notice = notice(cases.context, case, NotificationKind.CODE, NoticeTimes(now + life), code=code, life=life)
    return CaseChange((sent,), CaseWork(notices=(replace(sent_notice, way=way, address=address),)))


def _code_address(case: Case, reach: Contact) -> tuple[ContactMethod, str]:
    """Where the code is sent: by post if that was the channel, unless the citizen said that post is unsafe."""
    home = case.details.claims.get("address")
    careful = case.safety.someone_with_me or case.safety.unsafe
    if case.channel is Channel.PHONE_AND_POST and home and not careful:
        return ContactMethod.POST, home
    return reach.way, reach.address


async def bind(
    cases: CitizenCases, handle: str, browser: Browser, typed: TypedProof
) -> ProofResult | IncompleteProof | AskingMark | DeadEnd:
    """Verifies the confirmation code with the phrase or the code of a call, and binds the identity.

    The answer does not say which of them was wrong. What is missing or cannot be right by its shape is named and does
    not count as an attempt. Nothing is compared if what was typed would prove less than the service needs. Returns the
    mark of a browser that was not the asking one before.
    """
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    case = None if transaction.case is None else await load_case(cases.context, transaction.case)
    if case is None or case.state is not CaseState.APPROVED:
        return ProofResult.DONE if case is not None and case.state is CaseState.BOUND else ProofResult.NOT_ALLOWED
    if case.frozen is not None or cases.context.system.now() < binds_from(case, cases.context.rules.policy):
        return ProofResult.NOT_ALLOWED
    needed, called = proof_needs(cases.context, transaction, case), _called(case)
    if not needed.without_call and not (called and needed.by_call):
        return ProofResult.BELOW_NEED
    if typed.call.strip() and not called:
        return ProofResult.CALL_OVER
    if case.confirmation is not None and cases.context.system.now() >= case.confirmation.expires:
        return ProofResult.EXPIRED
    incomplete = _incomplete(typed, needed, called=called)
    return await _compare(cases, transaction, case, typed, browser) if incomplete is None else incomplete


async def _compare(
    cases: CitizenCases, transaction: Transaction, case: Case, typed: TypedProof, browser: Browser
) -> ProofResult | AskingMark:
    """Counts the attempt, then compares."""
    tries = cases.context.rules.policy.max_code_attempts
    attempt = await cases.context.stores.cases.count_attempt(case.id, attempt_counter(case), tries)
    mark, former = browser.case_mark(transaction.browser), await former_of(cases.context, case)

    def proven(case: Case) -> CaseChange | ProofResult | TransitionRefused:
        binding = _verify(cases, case, typed, asking=asking_browser(transaction, case))
        if binding is None:
            return ProofResult.WRONG
        asker = handles.sha256_hex(mark) if binding.call_back and not binding.asking_browser else None
        return bound(cases.context, case, binding, former, asker)

    outcome = None if attempt is None else await change_case(cases.context, case, proven)
    if isinstance(outcome, Case):
        return ProofResult.DONE if outcome.asker == case.asker else cases.asking_mark(mark)
    if outcome in (TransitionRefused.BELOW_NEED, TransitionRefused.NOT_NOW):  # the case was changed in between
        return ProofResult.BELOW_NEED if outcome is TransitionRefused.BELOW_NEED else ProofResult.NOT_ALLOWED
    await cases.context.stores.audit.write([audit_event(cases.sign_in_context, "case_proof_failed", transaction)])
    if attempt is None or attempt >= tries:
        await update_case(cases.context, case, ev.AttemptsExhausted())
        return ProofResult.ATTEMPTS_EXHAUSTED
    return ProofResult.WRONG


def _called(case: Case) -> bool:
    """Whether an agent makes the call now, or made it minutes ago."""
    return case.call is not None and case.call.by is not None


def _incomplete(typed: TypedProof, needed: Needs, *, called: bool) -> IncompleteProof | None:
    """What is missing in a proof or has the wrong shape; None if it can be compared.

    Without words and without the code of a call, the words are named if they would be enough with the code.
    """
    enough = needed.code or (
        (needed.call_and_words if typed.call.strip() else needed.words) if typed.words.strip() else False
    )
    enough = enough or (needed.call and bool(typed.call.strip()))
    words_missing = not enough and not typed.words.strip()
    call_missing = not enough and called and not typed.call.strip() and not needed.words
    of_code = _field_error(typed.code, has_code_shape, missing=True)
    of_words = _field_error(typed.words, has_phrase_shape, missing=words_missing)
    of_call = _field_error(typed.call, has_code_shape, missing=call_missing)
    wrong = IncompleteProof(of_code, of_words, of_call)
    return None if wrong == IncompleteProof(None, None, None) else wrong


def _field_error(typed: str, shape: Callable[[str], bool], *, missing: bool) -> ProofField | None:
    """What is wrong with a field. An empty one is wrong only if it is `missing`."""
    if not typed.strip():
        return ProofField.MISSING if missing else None
    return None if shape(typed) else ProofField.MALFORMED


def _verify(cases: CitizenCases, case: Case, typed: TypedProof, *, asking: bool) -> IdentityBinding | None:
    """The binding, or None if something that was typed is wrong. All is always compared, so that timing says nothing.

    Returns a binding below the case's need if too little was typed; the state machine refuses it.
    """
    now, sent = cases.context.system.now(), case.confirmation
    code = sent is not None and verify_code(case.id, sent.digest, typed.code) and now < sent.expires
    words = verify_phrase(case.phrase, typed.words)
    call = verify_call_code(call_back_code(cases.context, case), typed.call) and _called(case)
    wrong = (typed.words.strip() and not words) or (typed.call.strip() and not call)
    if sent is None or not code or wrong:
        return None
    proofs = Proofs(asking, code=code, words=words and case.phrase_verified, call_back=call)
    return IdentityBinding(
        handles.new_handle(cases.context.system),
        now,
        worth(proofs, cases.context.rules.profiles.authentication),
        ("otp", "tel") if call else ("otp",),
        asking_browser=asking,
        code=code,
        words=words,
        way=sent.way,
        call_back=call,
    )


async def ask_call(cases: CitizenCases, handle: str, browser: Browser) -> DeadEnd | TransitionRefused | None:
    """Asks to be called. Returns why not, if the case does not allow it; None if it was recorded, or without a case."""
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    if transaction.case is None:
        return None
    now, policy = cases.context.system.now(), cases.context.rules.policy

    def requested(case: Case) -> CaseChange | TransitionRefused:
        helps = proof_needs(cases.context, transaction, case).by_call
        wanted = ev.CallBackRequested(now, policy.hours.after(now, policy.call_within))
        return CaseChange((wanted,)) if helps else TransitionRefused.NOT_NOW

    done = await change_case(cases.context, transaction.case, requested)
    return None if isinstance(done, Case) else TransitionRefused.NOT_NOW


async def meet_again(
    cases: CitizenCases, handle: str, browser: Browser
) -> AskingMark | DeadEnd | TransitionRefused | None:
    """Asks for another meeting, with new words that this browser shows. The mark makes it the asking browser.

    What staff recorded stays; they look again whether the evidence is the citizen's. Returns why not, if the case does
    not allow it; None if there is no case.
    """
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    if transaction.case is None:
        return None
    system, mark = cases.context.system, browser.case_mark(transaction.browser)
    repeat = tuple(sorted({rule.check for rule in cases.context.rules.profiles.verification}))
    requested = ev.MeetingRequested(phrase(system.random_bytes), handles.sha256_hex(mark), repeat)
    done = await update_case(cases.context, transaction.case, requested)
    return cases.asking_mark(mark) if isinstance(done, Case) else TransitionRefused.NOT_NOW
