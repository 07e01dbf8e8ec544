"""Unlucky acts: two at the same moment, a page of yesterday, a form sent twice, and what comes too late."""

import asyncio

from broker.actions.assisted.expiry import expire_due_cases
from broker.assisted.case_states import CaseState
from broker.wiring.assisted_wiring import case_context
from tests.e2e.assisted_http import AGENT, LEAD, REVIEWER, Centre, Colleague, hidden
from tests.e2e.hostile.acts import audited, called, location
from tests.unit.web.staff_forms import PERSON

S = CaseState


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


async def test_a_citizen_who_withdraws_during_a_review_or_a_call_is_approved_by_nobody(product: Centre) -> None:
    citizen = await product.helped()
    agent, reviewer = await product.colleague(AGENT), await product.colleague(REVIEWER)
    at = await agent.has_met(citizen)
    await agent.post(f"{at}/flag", at, {"reason": "coached", "back": at})
    assert location(await agent.decide(at, "approve")) == "/done/decided"
    assert location(await reviewer.post("/next")) == at
    forms = [hidden((await reviewer.get(f"{at}/{name}")).body) for name in ("view", "review")]
    case = await product.case(citizen)
    (await citizen.press("withdraw")).expect(303)
    await reviewer.send("POST", f"{at}/view", {**forms[0], "decision": "approve", "note": "calm"})
    await reviewer.send("POST", f"{at}/review", {**forms[1], "decision": "agree", "note": "calm"})
    after = await product.load(case.id)
    assert (after.state, after.erased, await audited(product, case, "case_reviewed")) == (S.WITHDRAWN, True, 0)

    called_up = await product.approved()
    code, read_out = await product.code(called_up), await called(product, called_up)
    form = {"token": await called_up.token(), "code": code, "call": read_out}
    case = await product.case(called_up)
    await asyncio.gather(called_up.press("withdraw"), called_up.submit(f"{called_up.page}/bind", form))
    after = await product.load(case.id)
    assert (after.state is S.WITHDRAWN) == (after.binding is None)
    assert after.state in (S.WITHDRAWN, S.BOUND, S.RELEASED)


async def test_a_case_that_expired_is_decided_and_bound_by_nobody(product: Centre) -> None:
    citizen, approved = await product.helped(), await product.approved()
    code, words = await product.code(approved), await product.words(approved)
    agent = await product.colleague(AGENT)
    at = await agent.has_met(citizen)
    form = {**hidden((await agent.get(f"{at}/decision")).body), "decision": "approve"}
    bind = {"token": await approved.token(), "code": code, "words": words}
    waits, bound = await product.case(citizen), await product.case(approved)
    product.clock.advance(max(waits.expires, bound.expires) - product.clock.now() + 1)
    late = await product.colleague(AGENT)
    sent = {**form, **hidden((await late.get("/")).body), "edition": form["edition"]}
    await late.send("POST", f"{at}/decision", sent)
    await approved.submit(f"{approved.page}/bind", bind)
    await expire_due_cases(case_context(product.parts))
    for case in (waits, bound):
        after = await product.load(case.id)
        assert (after.state, after.binding) == (S.EXPIRED, None)
    assert await audited(product, waits, "case_decided") == 0


async def test_a_decision_that_names_another_case_and_unknown_fields_is_about_its_own_case_alone(
    product: Centre,
) -> None:
    mine, other = await product.helped(), await product.helped()
    agent = await product.colleague(AGENT)
    at, case = await agent.has_met(mine), await product.case(other)
    named = {"case": case.id, "id": case.id, "ref": case.id, "level": "high", "agent": REVIEWER, "by": REVIEWER}
    assert location(await agent.decide(at, "approve", **named)) == "/done/decided"
    assert await product.load(case.id) == case
    decided = await product.case(mine)
    assert decided.verdict is not None
    assert (decided.verdict.by, decided.verdict.level) == (AGENT, decided.level)
    foreign = await agent.post(f"/cases/{case.id}/decision", "/", {"decision": "approve", "edition": "1"})
    assert foreign.status in (303, 404)
    assert await product.load(case.id) == case
