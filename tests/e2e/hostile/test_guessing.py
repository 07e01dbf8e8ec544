"""Hostile acts: codes that are guessed, used by others, or read to the wrong person."""

import asyncio

from broker.assisted.case_states import CaseState
from broker.assisted.refusals import CODE_INTERVAL
from tests.e2e.assisted_http import SECOND, Centre, HelpedCitizen
from tests.e2e.hostile.acts import TRIES, audited, called, location
from tests.e2e.raw_client import Forms

S = CaseState


async def forty(citizen: HelpedCitizen, name: str, **fields: str) -> None:
    """Sends a form of the transaction forty times at the same moment."""
    form = {"token": await citizen.token(), **fields}
    await asyncio.gather(*(citizen.submit(f"{citizen.page}/{name}", form) for _ in range(40)))


async def test_parallel_guesses_of_the_confirmation_code_are_compared_as_often_as_allowed(product: Centre) -> None:
    citizen = await product.approved()
    right, words = await product.code(citizen), await product.words(citizen)
    wrong = "000000" if right != "000000" else "111111"
    await forty(citizen, "bind", code=wrong, words=words)
    case = await product.case(citizen)
    assert (case.state, case.binding) == (S.HELD, None)
    assert await product.parts.connections.sql_stores.cases.attempts(case.id, f"bind:{case.queue_round}") == TRIES
    await citizen.press("bind", code=right, words=words)
    assert (await product.case(citizen)).state is S.HELD
    assert "We stopped, to protect you" in await citizen.look()


async def test_parallel_guesses_of_the_code_of_a_call_are_counted_with_the_others(product: Centre) -> None:
    citizen = await product.approved()
    code, right = await product.code(citizen), await called(product, citizen)
    wrong = "000000" if right != "000000" else "111111"
    await forty(citizen, "bind", code=code, call=wrong)
    case = await product.case(citizen)
    assert (case.state, case.call) == (S.HELD, None)
    assert await product.parts.connections.sql_stores.cases.attempts(case.id, f"bind:{case.queue_round}") == TRIES


async def test_a_continuation_code_is_used_by_one_of_forty_browsers(product: Centre) -> None:
    citizen = await product.helped()
    others = [product.citizen() for _ in range(40)]
    replies = await asyncio.gather(*(one.resume(citizen.continuation) for one in others))
    for at, one in enumerate(others):
        if replies[at].status == 503:  # so many at once may be too much for the database of a busy machine
            replies[at] = await one.resume(citizen.continuation)
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


async def test_a_form_without_its_token_does_nothing(product: Centre) -> None:
    citizen = await product.approved()
    case = await product.case(citizen)
    for name in ("code", "call", "meet", "withdraw", "bind"):
        reply = await citizen.submit(f"{citizen.page}/{name}", {"token": "forged", "code": "123456"})
        assert "problem=again" in location(reply)
    assert await product.case(citizen) == case


async def test_another_code_arrives_and_the_one_before_it_is_worth_nothing(product: Centre) -> None:
    citizen = await product.approved()
    first, words = await product.code(citizen), await product.words(citizen)
    product.clock.advance(CODE_INTERVAL)
    second = await product.code(citizen)
    assert "problem=proof" in location(await citizen.press("bind", code=first, words=words)) or first == second
    assert "problem" not in location(await citizen.press("bind", code=second, words=words))
    assert (await product.case(citizen)).state is S.BOUND


async def test_a_link_that_stops_an_identity_is_pressed_once_by_forty_and_cannot_be_guessed(product: Centre) -> None:
    citizen = await product.approved()
    code, words = await product.code(citizen), await product.words(citizen)
    await citizen.press("bind", code=code, words=words)
    case = await product.case(citizen)
    links = [notice.fields["link"] for notice in await product.notices() if "link" in notice.fields]
    path = str(links[-1]).removeprefix(product.issuer)
    reader = product.citizen()
    form = Forms((await reader.visit(path)).expect().body).found[path]
    guessed = f"{path[:-8]}AAAAAAAA"
    await asyncio.gather(*(reader.submit(guessed, form) for _ in range(10)))
    assert (await product.load(case.id)).frozen is None
    await asyncio.gather(*(reader.submit(path, form) for _ in range(40)))
    assert (await product.load(case.id)).frozen is not None
    assert await audited(product, case, "case_frozen") == 1
    assert await citizen.look()
    assert "Check what you share" not in await citizen.look()
