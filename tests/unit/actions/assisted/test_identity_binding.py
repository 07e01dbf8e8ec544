"""Actions of citizens: binding an approved identity by code and words."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.results import IncompleteProof, ProofField, ProofResult
from broker.actions.views import CaseStatusView, ConsentView, FailureView, RedirectAway
from broker.assisted.case_records import ContactMethod
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage as Stands
from broker.assisted.deadlines import CasePolicy
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.notification import NotificationKind
from tests.unit.actions.assisted.case_harness import ME, WANTED, Stage

pytestmark = pytest.mark.store
TRIES = CasePolicy().max_code_attempts


async def test_a_citizen_is_verified_binds_and_goes_on_in_the_same_request(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    await stage.binds(handle)
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, ConsentView)
    assert {item.claim: item.value for item in view.items} == {"name": "Ada Example", "birthdate": "1990-01-02"}
    await stage.citizen.share(handle, ME, agree=True)
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, RedirectAway)
    assert view.url.startswith("https://library.example/back?")
    assert "code=" in view.url
    answered = (await stage.audit("service_answered"))[0]
    assert (answered.provider, answered.details["level"]) == ("help", "substantial")


async def test_once_a_service_was_answered_the_case_keeps_no_personal_data(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    await stage.binds(handle)
    case = await stage.case(handle)
    await stage.citizen.look(handle, ME)
    await stage.citizen.share(handle, ME, agree=True)
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None
    assert (gone.state, gone.erased) == (CaseState.RELEASED, True)
    assert "Ada" not in repr(gone)


async def test_approval_grants_nothing_until_it_is_bound(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView)
    assert view.status.stage is Stands.TO_TAKE_UP
    assert view.status.words is None
    assert (await stage.transaction(handle)).identity is None


MISSING, MALFORMED = ProofField.MISSING, ProofField.MALFORMED


@pytest.mark.parametrize(
    ("code", "words", "incomplete"),
    [
        ("", "both", IncompleteProof(MISSING, None)),
        (" - ", "both", IncompleteProof(MALFORMED, None)),
        ("right", "", IncompleteProof(None, MISSING)),
        ("", "  ", IncompleteProof(MISSING, MISSING)),
        ("12345", "both", IncompleteProof(MALFORMED, None)),
        ("1234567", "both", IncompleteProof(MALFORMED, None)),
        ("right", "harbour", IncompleteProof(None, MALFORMED)),
        ("right", "one two three", IncompleteProof(None, MALFORMED)),
        ("words", "code", IncompleteProof(MALFORMED, MALFORMED)),
    ],
)
async def test_what_is_missing_in_a_proof_is_named_and_counts_as_no_try(
    stage: Stage, code: str, words: str, incomplete: IncompleteProof
) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    case = await stage.case(handle)
    real = await stage.code(handle)
    phrase = f"{case.phrase.first} {case.phrase.second}"
    typed = {"right": real, "words": phrase}.get(code, code)
    said = {"both": phrase, "code": real}.get(words, words)
    for _ in range(TRIES + 1):
        assert await stage.citizen.bind(handle, ME, typed, said) == incomplete
    assert await stage.facts.cases.attempts(case.id, "bind:1") == 0
    assert await stage.audit("case_proof_failed") == []
    assert await stage.citizen.bind(handle, ME, real, phrase) is ProofResult.DONE


@pytest.mark.parametrize(
    ("code", "words"),
    [("wrong", "both"), ("right", "wrong"), ("right", "swapped"), ("wrong", "wrong")],
)
async def test_above_the_level_of_a_code_both_code_and_words_are_verified(stage: Stage, code: str, words: str) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    case = await stage.case(handle)
    real = await stage.code(handle)
    phrase = f"{case.phrase.first} {case.phrase.second}"
    swapped = f"{case.phrase.second} {case.phrase.first}"
    typed = {"right": real, "wrong": "000000" if real != "000000" else "111111"}[code]
    said = {"both": phrase, "wrong": "lemon table", "swapped": swapped}[words]
    assert await stage.citizen.bind(handle, ME, typed, said) is ProofResult.WRONG
    assert await stage.facts.cases.attempts(case.id, "bind:1") == 1
    assert (await stage.case(handle)).state is CaseState.APPROVED


async def test_five_wrong_tries_stop_the_case_and_the_right_code_comes_too_late(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    words = (await stage.case(handle)).phrase
    phrase = f"{words.first} {words.second}"
    real = await stage.code(handle)
    wrong = "000000" if real != "000000" else "111111"
    for number in range(5):
        view, _ = await stage.citizen.look(handle, ME)
        assert isinstance(view, CaseStatusView)
        assert view.status.tries == 5 - number
        result = await stage.citizen.bind(handle, ME, wrong, phrase)
        assert result is (ProofResult.WRONG if number < 4 else ProofResult.ATTEMPTS_EXHAUSTED)
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
async def test_the_lifetime_of_a_code_depends_on_the_contact_method(
    stage: Stage, way: str, address: str, life: int
) -> None:
    handle = await stage.arrives()
    await stage.asks(handle, replace(WANTED, way=way, address=address))
    await stage.approves()
    words = (await stage.case(handle)).phrase
    code = await stage.code(handle)
    await stage.prolongs(handle)
    stage.clock.advance(life)
    assert await stage.citizen.bind(handle, ME, code, f"{words.first} {words.second}") is ProofResult.EXPIRED
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView)
    assert view.status.code is None
    assert view.status.may_send
    await stage.binds(handle)


async def test_a_new_code_replaces_the_previous_one_and_a_double_press_sends_one(stage: Stage) -> None:
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
    outcome = await stage.citizen.bind(handle, ME, continuation, f"{words.first} {words.second}")
    assert outcome == IncompleteProof(MALFORMED, None)


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
    assert isinstance(view, FailureView)
    assert view.failed.failure is FailureClass.HELP_EXPIRED


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
        assert await stage.facts.cases.save(approved, ())
        await stage.citizen.send_code(handle, ME)
        sent = [notice for notice in await stage.sent() if notice.case == case.id]
        assert [(notice.way, notice.address) for notice in sent] == [
            (way, "1 Way" if way is ContactMethod.POST else "ada@example.org")
        ]
