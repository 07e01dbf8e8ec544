"""The actions of citizens on their case: ask for help, wait, resume, prove, bind."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.assisted.context import expire_due_cases
from broker.actions.browser import Browser
from broker.actions.results import ContinuationIssued, HelpOffered, HelpRefused, LimitKind, ProofResult, RateLimited
from broker.actions.views import CaseStatusView, ConsentView, DeadEnd, FailureView, RedirectAway
from broker.assisted.case import CaseState, Channel, ContactMethod, Decision
from broker.assisted.case_status import CaseStage as Stands
from broker.assisted.codes import continuation_digest
from broker.journey.transaction import TransactionState as Journey
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.handle import normalize_user_code, sha256_hex
from broker.model.notification import NotificationKind
from tests.unit.actions.assisted.case_harness import ANN, ME, SERVICE, STRANGER, WANTED, Stage, had, with_ways

# --- asking ---


async def test_asking_gives_a_reference_a_code_and_two_words_and_lets_the_transaction_wait(stage: Stage) -> None:
    handle = await stage.arrives()
    code = await stage.asks(handle)
    case = await stage.case(handle)
    assert case.state is CaseState.QUEUED
    assert (case.client_id, case.level, case.claims) == ("library", Level.SUBSTANTIAL, ("name", "birthdate"))
    assert len(normalize_user_code(code)) == 16 and normalize_user_code(code) not in repr(case)
    assert case.continuation == continuation_digest(normalize_user_code(code))
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView)
    assert (view.standing.stage, view.standing.reference, view.standing.words) == (
        Stands.IN_LINE,
        case.reference,
        case.phrase,
    )
    assert view.standing.contact.address == "a…@example.org"


async def test_every_move_has_its_audit_row_with_who_and_from_and_to(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case = await stage.case(handle)
    rows = [event for event in await stage.audit() if event.kind.startswith("case_")]
    assert [(r.kind, r.actor, r.details["from"], r.details["to"]) for r in rows] == [
        ("case_submitted", "citizen", "draft", "requested"),
        ("case_readied", "citizen", "requested", "queued"),
    ]
    assert {(r.case, r.transaction, r.client_id) for r in rows} == {(case.id, case.transaction, "library")}
    assert "ada@example.org" not in repr(await stage.audit())


async def test_only_sessions_that_can_reach_the_level_are_on_offer(stage: Stage) -> None:
    offered = await stage.citizen.help_on_offer(await stage.arrives(), ME)
    assert isinstance(offered, HelpOffered)
    assert offered.channels == (Channel.IN_PERSON, Channel.VIDEO)
    low = await stage.citizen.help_on_offer(await stage.arrives(Level.LOW), ME)
    assert isinstance(low, HelpOffered)
    assert set(low.channels) == set(Channel)


async def test_no_help_is_on_offer_where_it_could_not_reach_the_level(stage: Stage) -> None:
    handle = await stage.arrives(Level.HIGH)
    assert await stage.citizen_cases.on_offer(handle, ME) is None
    assert await stage.citizen.ask_help(handle, ME, WANTED) is HelpRefused.NOT_NOW


async def test_help_cannot_be_asked_for_if_it_is_turned_off(stage: Stage) -> None:
    handle = await stage.arrives()
    off = replace(stage.citizen_cases, enabled=False)
    assert await off.ask(handle, ME, WANTED) is HelpRefused.NOT_NOW


@pytest.mark.parametrize(
    ("way", "address", "kept"),
    [
        ("email", " ada@example.org ", "ada@example.org"),
        ("phone", "+44 (0)7700-900.982", "+447700900982"),
        ("phone", "0044 7700 900 982", "+447700900982"),
        ("phone", "07700 900982", "+447700900982"),
        ("phone", "\u202d٠٧٧٠٠\u2011٩٠٠٩٨٢\u202c", "+447700900982"),
        ("email", "ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("email", "ada", None),
        ("email", "ada@example.org\nBcc: eve@example.org", None),
        ("email", "<ada@example.org>", None),
        ("phone", "call me", None),
        ("phone", "123", None),
        ("post", "1 Way", None),
    ],
)
async def test_a_contact_address_that_cannot_be_reached_is_refused(
    stage: Stage, way: str, address: str, kept: str | None
) -> None:
    handle = await stage.arrives()
    made = await stage.citizen.ask_help(handle, ME, replace(WANTED, way=way, address=address))
    if kept is None:
        assert made is HelpRefused.ADDRESS
        assert (await stage.transaction(handle)).case is None
    else:
        contact = (await stage.case(handle)).contact
        assert contact is not None and contact.address == kept


async def test_an_address_no_notice_can_reach_is_not_taken(stage: Stage) -> None:
    handle = await stage.arrives()
    phone = replace(WANTED, way="phone", address="+447700900982")
    assert await with_ways(stage, "email").ask(handle, ME, phone) is HelpRefused.WAY
    beyond = replace(WANTED, way="email", address="jörg@example.org")
    assert await with_ways(stage, "email").ask(handle, ME, beyond) is HelpRefused.UNREACHABLE


async def test_asking_twice_opens_one_case(stage: Stage) -> None:
    handle = await stage.arrives()
    outcomes = await asyncio.gather(*(stage.citizen.ask_help(handle, ME, WANTED) for _ in range(5)))
    assert sum(isinstance(outcome, ContinuationIssued) for outcome in outcomes) == 1
    assert len(await stage.facts.cases.queue([CaseState.QUEUED], 10)) == 1
    assert (await stage.transaction(handle)).state is Journey.WAITING


async def test_after_a_crash_between_case_and_transaction_the_citizen_asks_again(stage: Stage) -> None:
    handle = await stage.arrives()
    before = await stage.transaction(handle)
    await stage.asks(handle)
    case = await stage.case(handle)
    again = replace(before, version=(await stage.transaction(handle)).version + 1)
    assert await stage.passing.transactions.save(handle, again)
    assert await stage.citizen.ask_help(handle, ME, WANTED) is HelpRefused.NOT_NOW
    assert (await stage.case(handle)).id == case.id


async def test_a_browser_that_does_not_own_the_transaction_can_do_nothing(stage: Stage) -> None:
    handle = await stage.arrives()
    assert isinstance(await stage.citizen.ask_help(handle, STRANGER, WANTED), DeadEnd)
    await stage.asks(handle)
    case = await stage.case(handle)
    for outcome in (
        await stage.citizen.withdraw(handle, STRANGER),
        await stage.citizen.send_code(handle, STRANGER),
        await stage.citizen.bind(handle, STRANGER, "123456", "amber kettle"),
        await stage.citizen.ready(handle, STRANGER),
        await stage.citizen.finish_later(handle, STRANGER),
    ):
        assert isinstance(outcome, DeadEnd)
    assert await stage.case(handle) == case


async def test_one_address_cannot_flood_the_queue(stage: Stage) -> None:
    outcomes = [await stage.citizen.ask_help(await stage.arrives(), ME, WANTED) for _ in range(12)]
    held = [outcome for outcome in outcomes if isinstance(outcome, RateLimited)]
    assert len(held) == 2
    assert {one.limit for one in held} == {LimitKind.HELP}
    assert {one.until for one in held} == {(stage.clock.now() // 3600 + 1) * 3600}
    assert all(one.transaction is not None and one.service is SERVICE for one in held)
    stage.clock.set(held[0].until - 1)
    assert isinstance(await stage.citizen.ask_help(await stage.arrives(), ME, WANTED), RateLimited)
    assert isinstance(await stage.citizen.ask_help(await stage.arrives(), STRANGER, WANTED), DeadEnd)
    stage.clock.set(held[0].until)
    await stage.asks(await stage.arrives())


async def test_withdrawing_erases_what_was_given_and_shows_what_else_can_be_done(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case = await stage.case(handle)
    await stage.citizen.withdraw(handle, ME)
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None and gone.state is CaseState.WITHDRAWN and gone.contact is None
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, FailureView) and view.failed.failure is FailureClass.HELP_WITHDRAWN
    await stage.asks(handle)
    assert (await stage.case(handle)).id != case.id


# --- taking the identity up ---


async def test_a_citizen_is_verified_binds_and_goes_on_in_the_same_request(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    await stage.binds(handle)
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, ConsentView)
    assert {item.claim: item.value for item in view.items} == {"name": "Ada Example", "birthdate": "1990-01-02"}
    await stage.citizen.share(handle, ME, True)
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, RedirectAway)
    assert view.url.startswith("https://library.example/back?") and "code=" in view.url
    answered = (await stage.audit("service_answered"))[0]
    assert (answered.provider, answered.details["level"]) == ("help", "substantial")


async def test_once_a_service_was_answered_the_case_keeps_no_personal_data(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    await stage.binds(handle)
    case = await stage.case(handle)
    await stage.citizen.look(handle, ME)
    await stage.citizen.share(handle, ME, True)
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None and (gone.state, gone.erased) == (CaseState.RELEASED, True)
    assert "Ada" not in repr(gone)


async def test_approval_grants_nothing_until_it_is_bound(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView) and view.standing.stage is Stands.TO_TAKE_UP
    assert view.standing.words is None
    assert (await stage.transaction(handle)).identity is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "both"),
        ("wrong", "both"),
        ("right", ""),
        ("right", "wrong"),
        ("right", "swapped"),
        ("", ""),
        ("words", "code"),
    ],
)
async def test_where_more_than_a_code_is_needed_code_and_words_must_both_be_right(
    stage: Stage, code: str, words: str
) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    case = await stage.case(handle)
    real = await stage.code(handle)
    phrase = f"{case.phrase.first} {case.phrase.second}"
    swapped = f"{case.phrase.second} {case.phrase.first}"
    typed = {"right": real, "wrong": "000000" if real != "000000" else "111111", "words": phrase}.get(code, code)
    said = {"both": phrase, "wrong": "lemon table", "swapped": swapped, "code": real}.get(words, words)
    assert await stage.citizen.bind(handle, ME, typed, said) is ProofResult.WRONG
    assert (await stage.case(handle)).state is CaseState.APPROVED


async def test_five_wrong_tries_stop_the_case_and_the_right_code_comes_too_late(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    words = (await stage.case(handle)).phrase
    phrase = f"{words.first} {words.second}"
    real = await stage.code(handle)
    for number in range(5):
        view, _ = await stage.citizen.look(handle, ME)
        assert isinstance(view, CaseStatusView) and view.standing.tries == 5 - number
        told = await stage.citizen.bind(handle, ME, "12345", phrase)
        assert told is (ProofResult.WRONG if number < 4 else ProofResult.ATTEMPTS_EXHAUSTED)
    assert (await stage.case(handle)).state is CaseState.HELD
    assert [row.case for row in await stage.audit("case_proof_failed")] == [(await stage.case(handle)).id] * 5
    assert await stage.citizen.bind(handle, ME, real, phrase) is ProofResult.NOT_ALLOWED
    assert (await stage.case(handle)).binding is None


async def test_parallel_guesses_count_one_by_one(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    await stage.code(handle)
    case = await stage.case(handle)
    phrase = f"{case.phrase.first} {case.phrase.second}"
    guesses = await asyncio.gather(*(stage.citizen.bind(handle, ME, f"{n:06}", phrase) for n in range(100000, 100020)))
    assert guesses.count(ProofResult.WRONG) == 4
    assert set(guesses) == {ProofResult.WRONG, ProofResult.ATTEMPTS_EXHAUSTED, ProofResult.NOT_ALLOWED} or set(
        guesses
    ) == {ProofResult.WRONG, ProofResult.ATTEMPTS_EXHAUSTED}
    assert await stage.facts.cases.attempts(case.id, "bind:1") == 5


async def test_of_two_bindings_at_once_one_identity_comes(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    words = (await stage.case(handle)).phrase
    phrase, code = f"{words.first} {words.second}", await stage.code(handle)
    await asyncio.gather(*(stage.citizen.bind(handle, ME, code, phrase) for _ in range(3)))
    assert len(await stage.audit("case_bound")) == 1


@pytest.mark.parametrize(
    ("way", "address", "life"), [("email", "a@example.org", 86400), ("phone", "+447700900982", 600)]
)
async def test_a_code_is_good_as_long_as_its_way_allows(stage: Stage, way: str, address: str, life: int) -> None:
    handle = await stage.arrives()
    await stage.asks(handle, replace(WANTED, way=way, address=address))
    await stage.approves()
    words = (await stage.case(handle)).phrase
    code = await stage.code(handle)
    await stage.prolongs(handle)
    stage.clock.advance(life)
    assert await stage.citizen.bind(handle, ME, code, f"{words.first} {words.second}") is ProofResult.EXPIRED
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView) and view.standing.code is None and view.standing.may_send
    await stage.binds(handle)


async def test_a_new_code_kills_the_one_before_and_a_double_press_sends_one(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    first = await stage.code(handle)
    await stage.citizen.send_code(handle, ME)
    codes = [notice for notice in await stage.sent() if notice.kind is NotificationKind.CODE]
    assert len(codes) == 1
    stage.clock.advance(60)
    await stage.citizen.send_code(handle, ME)
    words = (await stage.case(handle)).phrase
    assert await stage.citizen.bind(handle, ME, first, f"{words.first} {words.second}") is ProofResult.WRONG


async def test_a_confirmation_code_never_continues_and_a_continuation_code_never_confirms(stage: Stage) -> None:
    handle = await stage.arrives()
    continuation = await stage.asks(handle)
    await stage.approves()
    words = (await stage.case(handle)).phrase
    code = await stage.code(handle)
    assert await stage.citizen.resume(code) is None
    assert await stage.citizen.bind(handle, ME, continuation, f"{words.first} {words.second}") is ProofResult.WRONG


async def test_binding_is_refused_after_its_deadline(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    words = (await stage.case(handle)).phrase
    await stage.prolongs(handle)
    stage.clock.advance(47 * 3600)
    code = await stage.code(handle)
    case = await stage.case(handle)
    stage.clock.set((case.deadline or 0) - 1)
    await stage.prolongs(handle)
    stage.clock.advance(1)
    assert await stage.citizen.bind(handle, ME, code, f"{words.first} {words.second}") is ProofResult.NOT_ALLOWED
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, FailureView) and view.failed.failure is FailureClass.HELP_EXPIRED


async def test_the_code_goes_by_post_only_where_it_was_agreed_and_is_safe(stage: Stage) -> None:
    for unsafe, way in ((False, ContactMethod.POST), (True, ContactMethod.EMAIL)):
        handle = await stage.arrives(Level.LOW)
        await stage.asks(handle, replace(WANTED, channel="phone_and_post", someone_with_me=unsafe))
        case = await stage.case(handle)
        approved = replace(
            case,
            state=CaseState.APPROVED,
            deadline=stage.clock.now() + 600,
            version=case.version + 1,
            details=replace(case.details, claims={"address": "1 Way"}),
        )
        assert await stage.facts.cases.save(approved, (), ())
        await stage.citizen.send_code(handle, ME)
        sent = [notice for notice in await stage.sent() if notice.case == case.id]
        assert [(notice.way, notice.address) for notice in sent] == [
            (way, "1 Way" if way is ContactMethod.POST else "ada@example.org")
        ]


# --- coming back ---


async def test_a_continuation_code_moves_the_case_and_the_first_browser_never_collects(stage: Stage) -> None:
    handle = await stage.arrives(Level.LOW)
    code = await stage.asks(handle)
    resumed = await stage.citizen.resume(code.lower().replace("-", " "))
    assert resumed is not None and resumed.handle == handle and resumed.code != code
    there = Browser(secrets=(resumed.secret,))
    await stage.approves()
    assert isinstance((await stage.citizen.look(handle, ME))[0], DeadEnd)
    assert isinstance(await stage.citizen.bind(handle, ME, "123456", ""), DeadEnd)
    await stage.binds(handle, there)
    view, _ = await stage.citizen.look(handle, there)
    assert isinstance(view, ConsentView)
    await stage.citizen.share(handle, there, True)
    view, _ = await stage.citizen.look(handle, there)
    assert isinstance(view, RedirectAway) and view.url.startswith("https://library.example/start")


async def test_another_browser_sees_no_words_and_reaches_no_more_than_a_code_is_worth(stage: Stage) -> None:
    handle = await stage.arrives()
    resumed = await stage.citizen.resume(await stage.asks(handle))
    assert resumed is not None
    there = Browser(secrets=(resumed.secret,))
    view, _ = await stage.citizen.look(handle, there)
    assert isinstance(view, CaseStatusView) and view.standing.words is None
    await stage.approves()
    await stage.binds(handle, there)
    view, _ = await stage.citizen.look(handle, there)
    binding = (await stage.facts.cases.queue([CaseState.BOUND], 1))[0].binding
    assert binding is not None and (binding.asking_browser, binding.level) == (False, Level.LOW)
    assert isinstance(view, FailureView) and view.failed.failure is FailureClass.HELP_TOO_LOW
    assert (await stage.transaction(handle)).identity is None


async def test_a_continuation_code_is_used_up_by_the_first_who_types_it(stage: Stage) -> None:
    handle = await stage.arrives()
    code = await stage.asks(handle)
    outcomes = await asyncio.gather(*(stage.citizen.resume(code) for _ in range(4)))
    assert sum(outcome is not None for outcome in outcomes) == 1
    assert await stage.citizen.resume(code) is None


async def test_each_use_gives_the_next_code_and_a_new_one_can_be_drawn(stage: Stage) -> None:
    handle = await stage.arrives()
    first = await stage.asks(handle)
    resumed = await stage.citizen.resume(first)
    assert resumed is not None and resumed.code is not None
    there = Browser(secrets=(resumed.secret,), address="192.0.2.3")
    drawn = await stage.citizen.finish_later(handle, there)
    assert isinstance(drawn, ContinuationIssued)
    assert await stage.citizen.resume(resumed.code) is None
    assert await stage.citizen.resume(drawn.code) is not None


async def test_a_right_continuation_code_works_after_any_number_of_wrong_ones(stage: Stage) -> None:
    handle = await stage.arrives()
    code = await stage.asks(handle)
    for _ in range(200):
        assert await stage.citizen.resume("AAAA-BBBB-CCCC-DDDD") is None
    assert await stage.citizen.resume(code) is not None


async def test_a_case_outlives_its_transaction_and_sends_no_code_then(stage: Stage) -> None:
    handle = await stage.arrives(Level.LOW)
    code = await stage.asks(handle)
    stage.clock.advance(3 * 86400)
    assert isinstance((await stage.citizen.look(handle, ME))[0], DeadEnd)
    resumed = await stage.citizen.resume(code)
    assert resumed is not None and resumed.handle != handle
    there = Browser(secrets=(resumed.secret,))
    transaction = await stage.transaction(resumed.handle)
    assert (transaction.state, transaction.transferred, transaction.request.state) == (Journey.WAITING, True, None)
    await stage.approves()
    await stage.binds(resumed.handle, there)
    await stage.citizen.look(resumed.handle, there)
    await stage.citizen.share(resumed.handle, there, True)
    view, _ = await stage.citizen.look(resumed.handle, there)
    assert isinstance(view, RedirectAway) and "code=" not in view.url
    assert view.url.startswith("https://library.example/start")


async def test_a_transaction_whose_case_went_on_elsewhere_collects_nothing(stage: Stage) -> None:
    handle = await stage.arrives(Level.LOW)
    code = await stage.asks(handle)
    await stage.passing.continuations.take(
        f"case:{normalize_user_code(code)}"
    )  # passing state lost what it knew of the code
    resumed = await stage.citizen.resume(code)
    assert resumed is not None and resumed.handle != handle
    await stage.approves()
    await stage.binds(resumed.handle, Browser(secrets=(resumed.secret,)))
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, FailureView) and (await stage.transaction(handle)).identity is None


async def test_a_provider_that_works_after_all_withdraws_the_case(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case = await stage.case(handle)
    transaction = replace(await stage.transaction(handle), case=None, case_to_withdraw=case.id)
    await stage.citizen_cases.tidy(transaction)
    await stage.citizen_cases.tidy(transaction)
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None and (gone.state, gone.history[-1].reason) == (CaseState.WITHDRAWN, "another_way")


async def test_going_back_to_an_open_case_waits_for_it_again(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    transaction = await stage.transaction(handle)
    away = replace(transaction, state=Journey.FAILED, version=transaction.version + 1)
    assert await stage.passing.transactions.save(handle, away)
    await stage.citizen.resume_help(handle, ME)
    assert (await stage.transaction(handle)).state is Journey.WAITING


# --- what citizens are told ---


async def decides(stage: Stage, decision: Decision, *reasons: str) -> None:
    """A session that ends with this decision."""
    folder = await stage.session(ANN)
    had(await stage.console.decide(stage.present(ANN), folder.ref, decision, reasons))


async def test_the_notice_of_a_result_is_the_same_whatever_was_decided(stage: Stage) -> None:
    told = []
    for decision, reasons in ((Decision.APPROVE, ()), (Decision.DECLINE, ("fraud_signals",))):
        handle = await stage.arrives()
        await stage.asks(handle)
        await decides(stage, decision, *reasons)
        case = await stage.case(handle)
        told += [replace(n, id="", case=None, fields={}) for n in await stage.sent() if n.case == case.id]
    assert told[0] == told[1]
    assert told[0].kind is NotificationKind.RESULT


async def test_who_said_that_it_is_not_safe_is_sent_nothing_but_the_code_they_press_for(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle, replace(WANTED, unsafe=True))
    await stage.approves()
    assert await stage.sent() == []
    await stage.binds(handle)
    assert [notice.kind for notice in await stage.sent()] == [NotificationKind.CODE]


async def test_more_evidence_brings_a_notice_and_the_citizen_says_when_they_are_ready(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await decides(stage, Decision.MORE_EVIDENCE, "evidence_expired")
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView) and view.standing.stage is Stands.MORE_NEEDED
    assert [notice.kind for notice in await stage.sent()] == [NotificationKind.MORE_NEEDED]
    await stage.citizen.ready(handle, ME)
    assert (await stage.case(handle)).state is CaseState.QUEUED


async def test_a_declined_citizen_reads_it_on_their_page(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await decides(stage, Decision.DECLINE, "face_differs")
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, FailureView) and view.failed.failure is FailureClass.HELP_DECLINED


async def test_a_stopped_case_looks_like_one_that_is_being_decided(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await decides(stage, Decision.REFER, "safeguarding")
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView) and view.standing.stage is Stands.BEING_DECIDED


async def test_binding_tells_the_citizen_that_their_identity_was_used(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    await stage.binds(handle)
    assert NotificationKind.CHECKED in {notice.kind for notice in await stage.sent()}


async def test_deadlines_expire_without_a_request(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case = await stage.case(handle)
    stage.clock.advance(14 * 86400)
    assert await expire_due_cases(stage.context) == 1
    assert await expire_due_cases(stage.context) == 0
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None and (gone.state, gone.erased) == (CaseState.EXPIRED, True)


async def test_the_case_knows_no_secret_in_plain(stage: Stage) -> None:
    handle = await stage.arrives()
    continuation = await stage.asks(handle)
    await stage.approves()
    code = await stage.code(handle)
    case = await stage.case(handle)
    told = repr(replace(case, phrase=replace(case.phrase, first="", second="")))
    assert code not in told and normalize_user_code(continuation) not in told and "my-secret" not in told
    assert case.browser == sha256_hex("my-secret")
    assert SERVICE.client_id in told
