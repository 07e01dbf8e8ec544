"""Hostile acts: one person who does every part of a case, and what a declined citizen asks for."""

import asyncio

from broker.assisted.case_states import CaseState
from broker.model.staff import StaffRole
from tests.e2e.assisted_http import AGENT, LEAD, REVIEWER, Centre, text
from tests.e2e.hostile.acts import ROLE_SETS, audited, declined, location

S = CaseState


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


async def test_nobody_takes_the_new_look_at_a_case_that_they_declined_under_any_set_of_roles(product: Centre) -> None:
    for number, roles in enumerate(ROLE_SETS):
        if StaffRole.AGENT not in roles:
            continue
        citizen, alone = await product.helped(), await product.colleague(f"set{number}")
        at = await alone.has_met(citizen)
        assert location(await alone.decide(at, "decline", "evidence_expired")) == "/done/decided"
        (await citizen.press("redress")).expect(303)
        case = await product.case(citizen)
        assert case.state is S.QUEUED
        await alone.post("/next")
        await alone.open(case.reference)
        for name, form in (("take", {}), ("start", {"channel": "in_person"}), ("decision", {"decision": "approve"})):
            await alone.post(f"{at}/{name}", "/", {**form, "edition": str(case.edit_version)})
        after = await product.load(case.id)
        assert (after.state, after.agent) == (S.QUEUED, case.agent), roles
        (await citizen.press("withdraw")).expect(303)


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
