"""Hostile and unlucky acts around a case, through HTTP: each is refused or has one effect, and nothing is half done."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from itertools import combinations

import pytest

from broker.actions.assisted.context import update_case
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_row import CaseFilter, CaseOrder
from broker.assisted.case_states import CaseState
from broker.model.notification import NotificationKind
from broker.model.staff import StaffRole
from broker.wiring.assisted_wiring import case_context
from tests.e2e.app_harness import Script
from tests.e2e.assisted_http import (
    AGENT,
    LEAD,
    REVIEWER,
    SCRIPT,
    SECOND,
    Centre,
    Colleague,
    HelpedCitizen,
    centre,
    hidden,
    text,
)
from tests.e2e.raw_client import Reply
from tests.unit.web.staff_forms import PERSON

S = CaseState
TRIES = 5
ROLE_SETS = [some for size in range(1, 6) for some in combinations(StaffRole, size)]
"""Every set of staff roles."""


def _people() -> str:
    return "".join(
        f'[[people]]\nid = "set{number}"\nsubject = "staff-set{number}"\nname = "Sam Set{number}"\n'
        f"roles = [{', '.join(f'{chr(34)}{role}{chr(34)}' for role in roles)}]\n\n"
        for number, roles in enumerate(ROLE_SETS)
    )


@pytest.fixture(scope="module")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    """One product for the file; each test ends the cases that it leaves open."""
    first = '[[people]]\nid = "tom"'
    added = {first: _people() + SCRIPT.edits["staff.toml"][first]}
    script = Script(files=SCRIPT.files, edits={**SCRIPT.edits, "staff.toml": added})
    async with centre(tmp_path_factory.mktemp("hostile"), script) as running:
        yield running


@pytest.fixture(autouse=True)
async def nothing_half_done(product: Centre) -> AsyncIterator[None]:
    """After each test: no case is half changed. Then the open ones are withdrawn."""
    context, lists = case_context(product.parts), product.parts.connections.sql_stores.case_lists
    yield
    for state in CaseState:
        page = await lists.page(CaseFilter(state=state), CaseOrder.OLDEST, None, 200)
        for row in page.rows:
            await assert_whole(product, await product.load(row.id))
            await update_case(context, row.id, ev.Withdrawn())


async def assert_whole(product: Centre, case: Case) -> None:
    """One audit row for each line of the history, one final decision for each round, nothing bound below the need, each
    notice once, and no identity of a case that is over.
    """
    stores = product.parts.connections.sql_stores
    rows = [row for _, row in await stores.audit.read(0, 100_000) if row.case == case.id and "role" in row.details]
    assert Counter(row.kind for row in rows) == Counter(f"case_{move.event}" for move in case.history)
    moves = [move for move in case.history if move.source is not move.target]
    rounds = 1 + sum(move.event == "redress_asked" for move in moves)
    assert sum(move.target is S.DECLINED for move in moves) <= rounds
    assert case.erased or case.binding is None or case.binding.level >= case.level
    assert (case.state in (S.BOUND, S.RELEASED, S.REVOKED)) == (case.binding is not None)
    told = [notice for notice in await product.notices() if notice.case == case.id]
    results = sum(move.target in (S.APPROVED, S.DECLINED) for move in moves)
    assert sum(notice.kind is NotificationKind.RESULT for notice in told) <= results
    assert len({notice.id for notice in told}) == len(told)


def location(reply: Reply) -> str:
    """The target of a redirect."""
    return reply.expect(303).location


async def audited(product: Centre, case: Case, kind: str) -> int:
    """How many audit rows of a kind the case has."""
    rows = await product.parts.connections.sql_stores.audit.read(0, 100_000)
    return sum(row.kind == kind and row.case == case.id for _, row in rows)


# --- guessing ---


async def test_parallel_guesses_of_the_confirmation_code_are_compared_as_often_as_allowed(product: Centre) -> None:
    citizen = await product.approved()
    right, words = await product.code(citizen), await product.words(citizen)
    wrong = "000000" if right != "000000" else "111111"
    await asyncio.gather(*(citizen.press("bind", code=wrong, words=words) for _ in range(40)))
    case = await product.case(citizen)
    assert (case.state, case.binding) == (S.HELD, None)
    assert await product.parts.connections.sql_stores.cases.attempts(case.id, f"bind:{case.queue_round}") == TRIES
    await citizen.press("bind", code=right, words=words)
    assert (await product.case(citizen)).state is S.HELD
    assert "We stopped, to protect you" in await citizen.look()


async def called(product: Centre, citizen: HelpedCitizen, agent: str = SECOND) -> str:
    """The citizen asks for a call and an agent takes it. Returns the code that is read out."""
    assert "problem" not in location(await citizen.press("call"))
    who = await product.colleague(agent)
    page = (await who.get(location(await who.post("/calls/next")))).expect().body.decode()
    spoken = re.findall(r'<strong class="pt-spoken">([^<]*)</strong>', page)
    return str(spoken[-1]).replace(" ", "")


async def test_parallel_guesses_of_the_code_of_a_call_are_counted_with_the_others(product: Centre) -> None:
    citizen = await product.approved()
    code, right = await product.code(citizen), await called(product, citizen)
    wrong = "000000" if right != "000000" else "111111"
    await asyncio.gather(*(citizen.press("bind", code=code, call=wrong) for _ in range(40)))
    case = await product.case(citizen)
    assert (case.state, case.call) == (S.HELD, None)
    assert await product.parts.connections.sql_stores.cases.attempts(case.id, f"bind:{case.queue_round}") == TRIES


async def test_a_continuation_code_is_used_by_one_of_forty_browsers(product: Centre) -> None:
    citizen = await product.helped()
    others = [product.citizen() for _ in range(40)]
    replies = await asyncio.gather(*(one.resume(citizen.continuation) for one in others))
    assert sum(location(reply).startswith("/journey/") for reply in replies) == 1
    assert await audited(product, await product.case(next(one for one in others if one.page)), "case_resumed") == 1


async def test_a_code_that_was_read_to_the_wrong_person_opens_nothing(product: Centre) -> None:
    mine, theirs = await product.approved(), await product.approved()
    read_out = await called(product, mine)
    await called(product, theirs)
    code = await product.code(theirs)
    assert "problem=proof" in location(await theirs.press("bind", code=code, call=read_out))
    assert (await product.case(theirs)).state is S.APPROVED
    assert (await product.case(mine)).state is S.APPROVED
    stolen = await theirs.submit(f"{mine.page}/bind", {"token": "", "code": code, "call": read_out})
    assert stolen.status == 404 or "again" in stolen.location
    agent = await product.colleague(SECOND)
    case = await product.case(mine)
    for path in (f"/calls/{case.id}/bind", f"/cases/{case.id}/bind", f"/calls/{case.id}"):
        assert (await agent.post(path, "/", {"code": code, "call": read_out})).status in (404, 405)
    assert (await product.case(mine)).state is S.APPROVED


# --- what belongs to others ---

CITIZEN_FORMS = ("help", "bind", "code", "call", "meet", "ready", "status", "withdraw", "redress", "complaint", "later")


async def test_the_request_of_another_person_answers_as_one_that_does_not_exist(product: Centre) -> None:
    citizen, stranger = await product.approved(), product.citizen()
    await stranger.begin()
    before = await product.case(citizen)
    nowhere = f"{citizen.page[:-6]}AAAAAA"
    for name in CITIZEN_FORMS:
        there = await stranger.submit(f"{citizen.page}/{name}", {"token": "", "code": "123456"})
        none = await stranger.submit(f"{nowhere}/{name}", {"token": "", "code": "123456"})
        assert (there.status, there.headers.get("Location", "").replace(citizen.page, nowhere)) == (
            none.status,
            none.headers.get("Location", ""),
        ), name
    for name in ("", "/help", "/redress", "/later"):
        there, none = await stranger.visit(citizen.page + name), await stranger.visit(nowhere + name)
        assert there.status == none.status == 404, name
        assert before.reference[:4] not in text(there.body)
    assert await product.case(citizen) == before


STAFF_FORMS = (
    "start",
    "words",
    "end",
    "drop",
    "put-back",
    "note",
    "ask",
    "person",
    "details",
    "decision",
    "view",
    "review",
    "hold",
    "end-hold",
    "new-tries",
    "decline",
    "revoke",
    "take-back",
    "correct",
    "answer",
)


async def test_a_case_that_is_not_open_to_a_colleague_answers_as_one_that_does_not_exist(product: Centre) -> None:
    citizen = await product.helped()
    case, agent = await product.case(citizen), await product.colleague(SECOND)
    for name in STAFF_FORMS:
        form = {"edition": str(case.edit_version), "reason": "doubt", "decision": "decline", "note": "calm"}
        there, none = [await agent.post(f"/cases/{one}/{name}", "/", form) for one in (case.id, "nobody")]
        same = there.headers.get("Location", "").replace(case.id, "nobody")
        assert (there.status, same) == (none.status, none.headers.get("Location", "")), name
    for name in ("", "/decision", "/person", "/details", "/review", "/view"):
        there, none = [await agent.get(f"/cases/{one}{name}") for one in (case.id, "nobody")]
        assert there.status == none.status, name
        assert case.reference[:4] not in text(there.body)
    assert await product.case(citizen) == case


# --- one person, every part ---


async def test_nobody_approves_alone_under_any_set_of_roles(product: Centre) -> None:
    for number, roles in enumerate(ROLE_SETS):
        citizen = await product.helped()
        alone = await product.colleague(f"set{number}")
        case = await product.case(citizen)
        if StaffRole.AGENT not in roles:
            assert location(await alone.post("/next")) == "/?problem=nothing"
            (await citizen.press("withdraw")).expect(303)
            continue
        at = await alone.has_met(citizen)
        await alone.post(f"{at}/flag", at, {"reason": "coached", "back": at})
        await alone.decide(at, "approve")
        await alone.open(case.reference)
        await alone.post("/next")
        edition = str((await product.load(case.id)).edit_version)
        for path, form in (
            ("view", {"decision": "approve"}),
            ("review", {"decision": "agree"}),
            ("take-back", {"reason": "absent_colleague"}),
            ("review", {"decision": "agree"}),
            ("hold", {"reason": "doubt"}),
            ("end-hold", {"reason": "cleared"}),
            ("new-tries", {"reason": "cleared"}),
            ("decline", {"reason.details_differ": "yes"}),
        ):
            await alone.post(f"{at}/{path}", "/", {**form, "edition": edition})
            edition = str((await product.load(case.id)).edit_version)
        after = await product.load(case.id)
        assert after.state in (S.REVIEW, S.HELD), (roles, after.state)
        assert (after.review, after.independent_review) == (None, None)
        (await citizen.press("withdraw")).expect(303)


async def declined(product: Centre) -> tuple[HelpedCitizen, Case]:
    """A citizen whom an agent declined."""
    citizen = await product.helped()
    agent = await product.colleague(AGENT)
    assert (
        location(await agent.decide(await agent.has_met(citizen), "decline", "evidence_expired", "coached"))
        == "/done/decided"
    )
    await citizen.look()
    return citizen, await product.case(citizen)


async def test_a_new_look_is_asked_for_once_and_never_taken_by_who_declined(product: Centre) -> None:
    citizen, case = await declined(product)
    page = text((await citizen.visit(f"{citizen.page}/redress")).expect().body)
    assert "A document had expired." in page
    assert "Other people look at it, none of those who did before." in page
    await asyncio.gather(*(citizen.press("redress") for _ in range(8)))
    assert await audited(product, case, "case_redress_asked") == 1
    assert "Other people take a new look" in await citizen.look()
    first = await product.colleague(AGENT)
    assert location(await first.post("/next")) == "/?problem=nothing"
    again = await product.colleague("olu")
    at = await again.take()
    for path, page_of, form in (
        (f"{at}/start", at, {"channel": "in_person"}),
        (f"{at}/words", at, {}),
        (f"{at}/end", at, {}),
    ):
        (await again.post(path, page_of, form)).expect(303)
    assert location(await again.decide(at, "approve")) == "/done/decided"
    words, code = await product.words(citizen), await product.code(citizen)
    await citizen.press("bind", code=code, words=words)
    assert "Check what you share" in await citizen.look()
    (await citizen.share()).expect(303)
    assert await citizen.collect()


async def test_a_complaint_is_read_by_a_lead_and_answered_on_the_page(product: Centre) -> None:
    citizen, case = await declined(product)
    empty = await citizen.submit(f"{citizen.page}/complaint", {"token": await citizen.token(), "complaint": " "})
    assert (empty.status, "Type in what went wrong" in text(empty.body)) == (422, True)
    sent = {"token": await citizen.token(), "complaint": "<b>Nobody</b> listened"}
    assert location(await citizen.submit(f"{citizen.page}/complaint", sent)) == f"{citizen.page}/redress"
    lead = await product.colleague(LEAD)
    assert case.reference[:4] in text((await lead.get("/")).body)
    at = location(await lead.open(case.reference, "complaint"))
    assert "&lt;b&gt;Nobody&lt;/b&gt; listened" in (await lead.get(at)).body.decode()
    for who in (AGENT, REVIEWER):
        other = await product.colleague(who)
        await other.open(case.reference, "complaint")
        assert "listened" not in text((await other.get(at)).body)
        edition = str((await product.load(case.id)).edit_version)
        await other.post(f"{at}/answer", "/", {"note": "no", "edition": edition})
    assert "told=saved" in location(await lead.post(f"{at}/answer", at, {"note": "We are sorry, and look again."}))
    assert "We are sorry, and look again." in text((await citizen.visit(f"{citizen.page}/redress")).body)
    assert await audited(product, case, "case_complaint_answered") == 1


# --- staff at the same time, late, and twice ---


async def test_of_two_agents_who_take_and_two_tabs_that_decide_one_has_an_effect(product: Centre) -> None:
    citizen = await product.helped()
    one, other = await product.colleague(AGENT), await product.colleague("olu")
    taken = [location(reply) for reply in await asyncio.gather(one.post("/next"), other.post("/next"))]
    assert sorted(path.startswith("/cases/") for path in taken) == [False, True]
    holder = one if taken[0].startswith("/cases/") else other
    case = await product.case(citizen)
    at = f"/cases/{case.id}"
    await holder.post(f"{at}/put-back", at, {"reason": "end_of_shift"})
    who = await product.colleague("olu")
    at = await who.has_met(citizen)
    pages = [who.decide(at, "approve"), who.decide(at, "decline", "details_differ"), who.decide(at, "approve")]
    ends = [location(reply) for reply in await asyncio.gather(*pages)]
    assert ends.count("/done/decided") == 1
    assert await audited(product, case, "case_decided") == 1


async def test_yesterdays_page_changes_nothing_and_its_text_is_kept(product: Centre) -> None:
    citizen = await product.helped()
    agent = await product.colleague(AGENT)
    at = await agent.has_met(citizen)
    old = (await agent.get(f"{at}/decision")).body
    assert "told=saved" in location(await agent.post(f"{at}/person", f"{at}/person", PERSON))
    before = await product.case(citizen)
    refused = await agent.send(
        "POST",
        f"{at}/decision",
        {**hidden(old), "decision": "decline", "decline.details_differ": "yes", "note": "calm"},
    )
    assert location(refused) == f"{at}/overtaken"
    assert await product.case(citizen) == before
    assert "calm" in (await agent.get(f"{at}/decision")).body.decode()


async def test_a_decision_sent_twice_is_one_decision(product: Centre) -> None:
    citizen = await product.helped()
    agent = await product.colleague(AGENT)
    at = await agent.has_met(citizen)
    form = {**hidden((await agent.get(f"{at}/decision")).body), "decision": "decline", "decline.details_differ": "yes"}
    replies = [await agent.send("POST", f"{at}/decision", form) for _ in range(3)]
    assert location(replies[0]) == "/done/decided"
    assert await audited(product, await product.case(citizen), "case_decided") == 1


async def test_a_level_that_the_form_claims_counts_for_nothing(product: Centre) -> None:
    citizen = await product.helped()
    agent = await product.colleague(AGENT)
    at = await agent.take()
    for path, form in ((f"{at}/start", {"channel": "video"}), (f"{at}/words", {}), (f"{at}/end", {})):
        await agent.post(path, at, form)
    forged = {"level": "high", "profile": "h1a", "scores": "4", "in_training": "false", "verdict.level": "high"}
    refused = await agent.decide(at, "approve", **forged)
    assert "problem=" in location(refused)
    case = await product.case(citizen)
    assert (case.state, case.verdict) == (S.DECISION, None)


async def test_a_lapsed_lease_an_ended_session_and_an_old_sign_in_decide_nothing_and_keep_the_text(
    product: Centre,
) -> None:
    citizen = await product.helped()
    agent = await product.colleague(AGENT)
    at = await agent.has_met(citizen)
    form = {**hidden((await agent.get(f"{at}/decision")).body), "decision": "decline", "decline.coached": "yes"}
    stale = await product.colleague(AGENT, signed_in=3600)
    old = {**form, **hidden((await stale.get("/")).body), "edition": form["edition"], "note": "old sign-in"}
    assert location(await stale.send("POST", f"{at}/decision", old)) == f"{at}/decision"
    gone = Colleague(product, AGENT, "console_unknown")
    assert "/sign-in" in location(await gone.send("POST", f"{at}/decision", form))
    assert (await product.case(citizen)).verdict is None
    assert "old sign-in" in (await agent.get(f"{at}/decision")).body.decode()
    product.clock.advance(31 * 60)
    late = await product.colleague(AGENT)
    new = {**form, **hidden((await late.get("/")).body), "edition": form["edition"]}
    assert location(await late.send("POST", f"{at}/decision", new)) in (f"{at}/lapsed", at)
    case = await product.case(citizen)
    assert (case.verdict, await audited(product, case, "case_decided")) == (None, 0)


# --- time ---


async def test_what_comes_after_its_time_has_no_effect(product: Centre) -> None:
    citizen = await product.approved()
    code, words = await product.code(citizen), await product.words(citizen)
    product.clock.advance(10 * 60)
    assert "problem=run_out" in location(await citizen.press("bind", code=code, words=words))
    fresh = await product.code(citizen)
    read_out = await called(product, citizen)
    product.clock.advance(9 * 60)
    product.clock.advance(6 * 60)
    assert "problem=" in location(await citizen.press("bind", code=fresh, call=read_out))
    case = await product.case(citizen)
    assert (case.state, case.binding) == (S.APPROVED, None)
    form = {"token": await citizen.token(), "code": fresh, "words": words}
    product.clock.advance(3 * 86400)
    await citizen.submit(f"{citizen.page}/bind", form)
    assert (await product.load(case.id)).binding is None


# --- the citizen and staff at the same time ---


async def test_a_citizen_who_withdraws_while_staff_decide_is_never_decided_about(product: Centre) -> None:
    citizen = await product.helped()
    agent = await product.colleague(AGENT)
    at = await agent.has_met(citizen)
    case = await product.case(citizen)
    page = hidden((await agent.get(f"{at}/decision")).body)
    (await citizen.press("withdraw")).expect(303)
    await agent.send("POST", f"{at}/decision", {**page, "decision": "approve", "note": "calm"})
    after = await product.load(case.id)
    assert (after.state, after.erased, after.verdict) == (S.WITHDRAWN, True, None)
    drafts = product.parts.connections.sql_stores.staff_drafts
    assert await drafts.of_case(AGENT, case.id, product.clock.now()) == []


async def test_withdrawing_and_deciding_in_the_same_moment_has_one_outcome(product: Centre) -> None:
    citizen = await product.helped()
    agent = await product.colleague(AGENT)
    at = await agent.has_met(citizen)
    case = await product.case(citizen)
    await asyncio.gather(citizen.press("withdraw"), agent.decide(at, "approve"))
    after = await product.load(case.id)
    assert (after.state, after.erased) == (S.WITHDRAWN, True)
    assert after.binding is None


async def test_an_identity_that_is_revoked_while_it_is_shared_is_revoked(product: Centre) -> None:
    citizen = await product.approved()
    case = await product.case(citizen)
    code, words = await product.code(citizen), await product.words(citizen)
    lead = await product.colleague(LEAD)
    at = location(await lead.open(case.reference))
    form = {"token": await citizen.token()}
    await citizen.press("bind", code=code, words=words)
    await citizen.look()
    page = hidden((await lead.get(at)).body)
    revoked = lead.send("POST", f"{at}/revoke", {**page, "reason": "fraud_signals"})
    await asyncio.gather(citizen.share(), revoked)
    after = await product.load(case.id)
    if after.state is not S.REVOKED:
        page = hidden((await lead.get(at)).body)
        await lead.send("POST", f"{at}/revoke", {**page, "reason": "fraud_signals"})
        after = await product.load(case.id)
    assert (after.state, after.erased) == (S.REVOKED, True)
    await citizen.submit(f"{citizen.page}/bind", {**form, "code": code, "words": words})
    assert (await product.load(case.id)).state is S.REVOKED


async def test_a_form_without_its_token_does_nothing(product: Centre) -> None:
    citizen = await product.approved()
    case = await product.case(citizen)
    for name in ("code", "call", "meet", "withdraw", "bind"):
        reply = await citizen.submit(f"{citizen.page}/{name}", {"token": "forged", "code": "123456"})
        assert "problem=again" in location(reply)
    assert await product.case(citizen) == case


async def test_the_number_of_the_call_is_the_one_of_the_session(product: Centre) -> None:
    citizen = await product.approved()
    case = await product.case(citizen)
    (
        await citizen.submit(
            f"{citizen.page}/help", {"token": await citizen.token(), "way": "phone", "phone": "07700 900000"}
        )
    )
    assert (await product.case(citizen)).contact == case.contact
    assert case.contact is not None
    assert case.contact.address != "+447700900000"
