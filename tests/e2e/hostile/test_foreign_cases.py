"""Hostile acts: the request and the case of another person, at every route that names one."""

import re

from tests.e2e.assisted_http import LEAD, REVIEWER, SECOND, Centre, Colleague, HelpedCitizen, hidden
from tests.e2e.hostile.acts import location
from tests.e2e.raw_client import Reply
from tests.e2e.routes import filled, routes_with

DESK = "/appointments/"
"""Where staff make appointments for any case whose reference the citizen says; the pages show times alone."""
NOWHERE = "nobody-has-this-handle-yet"
FIELDS = {
    "code": "123456",
    "call": "123456",
    "words": "calm river",
    "way": "phone",
    "phone": "+447700900999",
    "complaint": "unheard",
    "reason": "doubt",
    "decision": "decline",
    "note": "calm",
    "channel": "video",
    "slot": "1",
    "id": "x",
    "answer": "yes",
    "kind": "passport",
    "provider": "northbank",
}
"""Fields of every form, so that no form is refused before it is looked whose it is."""


def same(there: Reply, none: Reply, mine: str) -> bool:
    """Whether two responses differ in the handle alone. CSRF tokens and nonces are of one response."""
    drawn = re.compile(rb'(?:name="token" value|nonce)="[^"]*"')
    pages = [drawn.sub(b"", reply.body.replace(mine.encode(), NOWHERE.encode())) for reply in (there, none)]
    targets = [reply.headers.get("Location", "").replace(mine, NOWHERE) for reply in (there, none)]
    return there.status == none.status and pages[0] == pages[1] and targets[0] == targets[1]


async def test_at_every_route_the_request_of_another_person_answers_as_one_that_does_not_exist(
    product: Centre,
) -> None:
    citizen, stranger = await product.approved(), product.citizen()
    await stranger.begin()
    own = {"token": await stranger.token()}
    before, mine = await product.case(citizen), citizen.page.rpartition("/")[2]
    routes = routes_with(product.public, "handle")
    assert len(routes) >= 45
    for route in routes:
        path, nowhere = (filled(route.path, handle=handle) for handle in (mine, NOWHERE))
        if "GET" in (route.methods or ()):
            there, none = await stranger.visit(path), await stranger.visit(nowhere)
            assert same(there, none, mine), path
            assert before.reference[:4].encode() not in there.body
        if "POST" in (route.methods or ()):
            for form in ({**FIELDS, **own}, {"token": ""}):
                there, none = await stranger.submit(path, form), await stranger.submit(nowhere, form)
                assert same(there, none, mine), path
    assert await product.case(citizen) == before
    assert await product.code(citizen)


async def by_strangers(product: Centre, citizen: HelpedCitizen, member: str) -> None:
    """A member of staff who has nothing to do with a case sends every form about it, and requests every page."""
    case, agent = await product.case(citizen), await product.colleague(member)
    routes = [one for one in routes_with(product.staff, "case") if not one.path.startswith(DESK)]
    assert len(routes) >= 45
    form = {**FIELDS, **hidden((await agent.get("/")).body), "edition": str(case.edit_version)}
    for route in routes:
        path, nowhere = (filled(route.path, case=one) for one in (case.id, NOWHERE))
        if "GET" in (route.methods or ()):
            there, none = await agent.get(path), await agent.get(nowhere)
            assert same(there, none, case.id), path
            assert case.reference[:4].encode() not in there.body, path
        if "POST" in (route.methods or ()):
            there, none = [await agent.send("POST", at, form) for at in (path, nowhere)]
            assert same(there, none, case.id), path
    assert await product.load(case.id) == case


async def test_at_every_route_a_case_that_is_not_open_to_a_colleague_answers_as_one_that_does_not_exist(
    product: Centre,
) -> None:
    for member in (SECOND, REVIEWER, LEAD):
        waits = await product.helped()
        await by_strangers(product, waits, member)
        approved = await product.approved()
        await by_strangers(product, approved, member)
        for citizen in (waits, approved):
            await citizen.press("withdraw")


async def test_a_colleague_without_a_session_is_asked_to_sign_in_at_every_route(product: Centre) -> None:
    citizen = await product.helped()
    case, gone = await product.case(citizen), Colleague(product, SECOND, "console_unknown")
    for route in routes_with(product.staff, "case"):
        for method in (route.methods or set()) - {"HEAD"}:
            path = filled(route.path, case=case.id)
            reply = await gone.send(method, path, FIELDS if method == "POST" else None)
            assert location(reply).startswith("/sign-in"), path
    assert await product.load(case.id) == case
