"""A citizen answers, on a device of their own, what a service or staff ask of them (CIBA Core 1.0, 8).

The answer goes to the waiting question and not into the address of the browser, so this browser gets no session, and
no session answers for it: whoever confirms has proved who they are for this question.
"""

from dataclasses import replace

from broker.account import release
from broker.actions.browser import Browser
from broker.actions.needs import Known, NewAnswer
from broker.actions.outcomes import Begun, Held, Limit
from broker.actions.sign_in.answer import items, known, refused
from broker.actions.sign_in.begin import new_transaction, opened
from broker.actions.sign_in.desk import Desk, answered_before, event, mine, step
from broker.actions.sign_in.help import Help
from broker.actions.views import Confirm, Ended, Ending, Lost
from broker.journey.events import AnsweredBefore, GaveUp, ServiceAnswered
from broker.journey.transaction import State, Transaction
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.grant import Code, Release
from broker.model.identity import Identity
from broker.model.question import Put, Question, QuestionState
from broker.model.request import AuthorizationRequest
from broker.model.service import Service
from broker.provider import Card

_ENDINGS = {
    QuestionState.CONFIRMED: Ending.CONFIRMED,
    QuestionState.DECLINED: Ending.DECLINED,
    QuestionState.OTHER_PERSON: Ending.OTHER_PERSON,
}


async def take_question(desk: Desk, code: str, browser: Browser, language: str) -> Begun | Held | None:
    """Begins a transaction for the question whose code was typed in. None for a wrong code.

    A code may be typed in again, in another browser too: of several answers the first counts. Only wrong codes count
    against the limit of an address; beyond it no code is taken there, since these are short enough to be guessed.
    """
    rate, key = desk.limited.codes, f"confirm:{browser.address}"
    if not await desk.limits.allow(key, rate.most, rate.window):
        return Held(Limit.CODES, rate.ends(desk.ambient.now()))
    question = await desk.questions.by_code(code)
    begun = None if question is None else await begin_question(desk, question, browser, language)
    if begun is not None:
        await desk.limits.give_back(key, rate.window)
    return begun


async def answer_here(desk: Desk, help: Help, handle: str, browser: Browser) -> Begun | Held | Lost | None:
    """Begins to answer, in the browser that waits for a case, what staff ask there, in the language of its pages.

    None if they ask nothing.
    """
    transaction = await mine(desk, handle, browser)
    if isinstance(transaction, Lost):
        return transaction
    question = await help.asked(transaction)
    return None if question is None else await begin_question(desk, question, browser, transaction.language)


async def begin_question(desk: Desk, question: Question, browser: Browser, language: str) -> Begun | Held | None:
    """A transaction in this browser that ends with the question. None where the question waits no more."""
    service = desk.catalogue.services.get(question.client_id)
    now = desk.ambient.now()
    if service is None or not question.waits(now):
        return None
    request = AuthorizationRequest(
        client_id=question.client_id,
        redirect_uri="",
        scope=question.scope,
        minimum=question.minimum,
        prompt=("login",),
        asked=question.asked,
        hint_subject=question.subject,
        question=Put(question.id, question.message, question.case),
    )
    transaction, secret = new_transaction(desk, request, browser, language)
    return await opened(desk, replace(transaction, chosen=now, expires=question.expires), service, browser, secret)


async def identified(
    desk: Desk, handle: str, transaction: Transaction, service: Service, card: Card | None, browser: Browser
) -> Confirm | Transaction:
    """What to ask somebody who proved who they are; the transaction as it stands where that is not to be asked."""
    identity = transaction.identity
    before = None if identity is None else await known(desk, identity, service)
    over = await _other_person(desk, handle, transaction, before)
    if over is None:
        over = await refused(desk, handle, transaction, service, before, browser)
    put = transaction.request.question
    if over is not None or put is None:
        return over or transaction
    return Confirm(transaction, service, card, items(transaction, service, before), put)


async def overtaken(desk: Desk, handle: str, transaction: Transaction) -> Transaction:
    """The transaction as it stands now: over if its question was answered elsewhere, such as on another device."""
    put = transaction.request.question
    if put is None or not transaction.open:
        return transaction
    question = await desk.questions.load(put.id)
    if question is not None and question.waits(desk.ambient.now()):
        return transaction
    return await step(desk, handle, transaction, AnsweredBefore()) or transaction


async def ended(desk: Desk, transaction: Transaction, service: Service) -> Ended:
    """How it ended: the question knows, as far as it was answered here."""
    put = transaction.request.question
    question = None if put is None else await desk.questions.load(put.id)
    here = transaction.state in (State.ANSWERED, State.REFUSED) or await answered_before(desk, transaction)
    ending = _ENDINGS.get(question.state, Ending.OVER) if question and here else Ending.OVER
    return Ended(service, ending, None, transaction.language)


async def confirm(desk: Desk, help: Help, handle: str, browser: Browser, agree: bool) -> Lost | None:
    """The citizen confirms or declines. The page of the transaction says what became of it."""
    transaction = await mine(desk, handle, browser)
    if isinstance(transaction, Lost):
        return transaction
    identity, service = transaction.identity, desk.service(transaction)
    if transaction.state is not State.IDENTIFIED or identity is None or service is None:
        return None
    if not agree:
        await decline(desk, handle, transaction)
        return None
    before = await known(desk, identity, service)
    if await _other_person(desk, handle, transaction, before) is not None:
        return None
    if await refused(desk, handle, transaction, service, before, browser) is not None:
        return None
    account = await _confirmed(desk, help, transaction, service, identity)
    over = AnsweredBefore() if account is None else ServiceAnswered(None, account)
    await step(desk, handle, transaction, over)
    return None


async def decline(desk: Desk, handle: str, transaction: Transaction) -> None:
    """The citizen does not confirm. Whoever asked is told that, and nothing else, unless it was answered before."""
    first = await _settle(desk, transaction, QuestionState.DECLINED)
    await step(desk, handle, transaction, GaveUp(None) if first else AnsweredBefore())


async def _settle(desk: Desk, transaction: Transaction, state: QuestionState) -> bool:
    put = transaction.request.question
    if put is None:
        return False
    return await desk.questions.settle(put.id, state, desk.ambient.now(), [_told(desk, transaction, state)])


def _told(desk: Desk, transaction: Transaction, state: QuestionState) -> AuditEvent:
    put, identity = transaction.request.question, transaction.identity
    details = {"question": put.id} if put else {}
    if identity is not None:
        details |= {"provider": identity.provider, "level": identity.level.name.lower()}
    made = event(desk, f"question_{state}", transaction, **details)
    return made if put is None or put.case is None else replace(made, case=put.case)


async def _other_person(desk: Desk, handle: str, transaction: Transaction, before: Known | None) -> Transaction | None:
    """The ended transaction where the question was not put to the person who is here; None where it was."""
    wanted = transaction.request.hint_subject
    if wanted is None or (before is not None and before.subject == wanted):
        return None
    first = await _settle(desk, transaction, QuestionState.OTHER_PERSON)
    return await step(desk, handle, transaction, GaveUp(None) if first else AnsweredBefore()) or transaction


async def _confirmed(
    desk: Desk, help: Help, transaction: Transaction, service: Service, identity: Identity
) -> str | None:
    """Writes the confirmation; gives whose it is, or None where the question waits no more."""
    put = transaction.request.question
    question = None if put is None else await desk.questions.load(put.id)
    if question is None or not question.waits(desk.ambient.now()):
        return None
    if question.case is not None:
        if not await help.vouched(question, identity):
            return None
        return "" if await _settle(desk, transaction, QuestionState.CONFIRMED) else None
    return await _answered(desk, transaction, service, identity, question)


async def _answered(
    desk: Desk, transaction: Transaction, service: Service, identity: Identity, question: Question
) -> str | None:
    """The service's answer: a code that it holds already, which its next poll redeems."""
    now, request = desk.ambient.now(), transaction.request
    told = Release(
        subject=question.subject or "",
        level=identity.level,
        amr=identity.amr,
        auth_time=identity.auth_time,
        claims=release.released(identity, request, service),
        verification=identity.verification,
        provider=identity.provider,
    )
    code = Code(
        digest=handles.digest(question.handle),
        transaction=transaction.id,
        client_id=question.client_id,
        account=question.account or "",
        redirect_uri="",
        scope=request.scope,
        release=told,
        created=now,
        expires=max(question.expires, now + desk.limited.code_lifetime),
    )
    done = await desk.answers.record(
        NewAnswer(
            issuer=identity.issuer,
            identity_subject=identity.subject,
            account=handles.fresh(desk.ambient, size=16),
            sector=service.sector,
            subject=handles.fresh(desk.ambient, size=24),
            code=code,
            shared=tuple(told.claims),
            session=None,
            events=(_told(desk, transaction, QuestionState.CONFIRMED),),
            fact=code.digest,
            client_id=service.client_id,
            question=question.id,
        )
    )
    return None if done is None else done.account
