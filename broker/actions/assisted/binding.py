"""Binding an approved identity: the citizen proves by code and words that they opened the case, or meets again."""

from dataclasses import replace

from broker.actions.assisted.citizen import CitizenCases, asking_browser, attempt_counter, proves_enough
from broker.actions.assisted.context import CaseChange, change_case, load_case, notice, update_case
from broker.actions.browser import Browser
from broker.actions.results import AskingMark, HelpRefused, IncompleteProof, ProofField, ProofResult
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
    verify_code,
    verify_phrase,
)
from broker.assisted.transitions import TransitionRefused
from broker.assisted.verified_identity import authentication_level
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
    cases: CitizenCases, handle: str, browser: Browser, code: str, words: str
) -> ProofResult | IncompleteProof | DeadEnd:
    """Verifies the confirmation code and the phrase, and binds the identity.

    The answer does not say which of them was wrong. What is missing or cannot be right by its shape is named and does
    not count as an attempt. The phrase may be left out if the service needs no more than a code proves. If code and
    phrase would prove less than the service needs, in another browser than the asking one, nothing is compared.
    """
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    case = None if transaction.case is None else await load_case(cases.context, transaction.case)
    if case is None or case.state is not CaseState.APPROVED:
        return ProofResult.DONE if case is not None and case.state is CaseState.BOUND else ProofResult.NOT_ALLOWED
    if not proves_enough(cases.context, transaction, case):
        return ProofResult.BELOW_NEED
    if case.confirmation is not None and cases.context.system.now() >= case.confirmation.expires:
        return ProofResult.EXPIRED
    incomplete = _incomplete(code, words, words_needed=_words_needed(cases, case))
    return await _compare(cases, transaction, case, code, words) if incomplete is None else incomplete


async def _compare(cases: CitizenCases, transaction: Transaction, case: Case, code: str, words: str) -> ProofResult:
    """Counts the attempt, then compares."""
    tries = cases.context.rules.policy.max_code_attempts
    attempt = await cases.context.stores.cases.count_attempt(case.id, attempt_counter(case), tries)

    def proven(case: Case) -> CaseChange | ProofResult:
        binding = _verify(cases, case, code, words, asking=asking_browser(transaction, case))
        return ProofResult.WRONG if binding is None else CaseChange((ev.Bound(binding),))

    outcome = None if attempt is None else await change_case(cases.context, case, proven)
    if isinstance(outcome, Case):
        return ProofResult.DONE
    if outcome is TransitionRefused.BELOW_NEED:  # the case was moved to another browser in between
        return ProofResult.BELOW_NEED
    await cases.context.stores.audit.write([audit_event(cases.sign_in_context, "case_proof_failed", transaction)])
    if attempt is None or attempt >= tries:
        await update_case(cases.context, case, ev.AttemptsExhausted())
        return ProofResult.ATTEMPTS_EXHAUSTED
    return ProofResult.WRONG


def _words_needed(cases: CitizenCases, case: Case) -> bool:
    return case.level > cases.context.rules.profiles.authentication.code


def _incomplete(code: str, words: str, *, words_needed: bool) -> IncompleteProof | None:
    """What is missing in a proof or has the wrong shape; None if it can be compared."""
    of_code = _field_error(code, has_code_shape(code))
    of_words = _field_error(words, has_phrase_shape(words)) if words_needed or words.strip() else None
    return None if of_code is None and of_words is None else IncompleteProof(of_code, of_words)


def _field_error(typed: str, well_formed: bool) -> ProofField | None:  # noqa: FBT001
    if not typed.strip():
        return ProofField.MISSING
    return None if well_formed else ProofField.MALFORMED


def _verify(cases: CitizenCases, case: Case, code: str, words: str, *, asking: bool) -> IdentityBinding | None:
    """The binding, or None if code or phrase is wrong. Both are always compared, so that timing says nothing."""
    now, worth = cases.context.system.now(), cases.context.rules.profiles.authentication
    sent = case.confirmation
    right = sent is not None and verify_code(case.id, sent.digest, code) and now < sent.expires
    said = verify_phrase(case.phrase, words)
    needed = bool(words.strip()) or _words_needed(cases, case)
    if sent is None or not right or (needed and not said):
        return None
    subject = handles.new_handle(cases.context.system)
    level = authentication_level(worth, asking_browser=asking, code=right, words=said and case.phrase_verified)
    return IdentityBinding(subject, now, level, ("otp",), asking_browser=asking, code=right, words=said, way=sent.way)


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
