"""Hostile acts: a passkey of another browser, and answers of authenticators that are swapped, copied or weakened."""

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from broker.assisted.case_states import CaseState
from broker.platform import base64url
from tests.e2e.assisted_http import AGENT, Centre, HelpedCitizen
from tests.e2e.hostile.acts import audited, location
from tests.e2e.raw_client import Forms, Reply
from tests.support.authenticator import ATTESTED, BACKED_UP, ELIGIBLE, PRESENT, VERIFIED, Authenticator

S = CaseState
PASSKEY = "passkey"


def asked(page: bytes) -> dict[str, Any]:
    """The options that a page gives to the browser."""
    found = re.search(r'data-options="([^"]*)"', page.decode())
    assert found is not None, page[:2000]
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


async def makes(citizen: HelpedCitizen, device: Authenticator) -> Reply:
    """Makes a passkey for the case on the page of the request."""
    path = f"{citizen.page}/passkey"
    page = (await citizen.visit(path)).expect().body
    fields = Forms(page).found[path]
    return await citizen.submit(path, {**fields, "code": device.create(asked(page)), "days": "90"})


async def owner(product: Centre) -> tuple[HelpedCitizen, Authenticator]:
    """A citizen whose case is approved, with a passkey that the agent confirmed."""
    citizen, device = await product.helped(), Authenticator(product.issuer)
    assert location(await makes(citizen, device)) == citizen.page
    agent, passkey = await product.colleague(AGENT), (await product.case(citizen)).passkey
    assert passkey is not None
    at = await agent.has_met(citizen)
    assert "problem" not in location(await agent.post(f"{at}/passkey", at, {"passkey": passkey.digest}))
    assert location(await agent.decide(at, "approve")) == "/done/decided"
    return citizen, device


async def prompted(product: Centre) -> tuple[HelpedCitizen, str, dict[str, Any]]:
    """A browser on the page that asks for a passkey: the browser, the page's address, and what it asks."""
    visitor = product.citizen()
    await visitor.begin()
    (await visitor.choose(PASSKEY)).expect(303)
    address = (await visitor.leave()).removeprefix(product.issuer)
    return visitor, address, asked((await visitor.visit(address)).expect().body)


async def answers(visitor: HelpedCitizen, address: str, code: str) -> str:
    """Sends an answer. Returns the text of the transaction's page."""
    fields = Forms((await visitor.visit(address)).body).found[address]
    (await visitor.submit(address, {**fields, "code": code})).expect(303)
    return await visitor.look()


async def signed_in(product: Centre, device: Authenticator) -> bool:
    """Whether the passkey signs in, in a browser of its own."""
    visitor, address, options = await prompted(product)
    return "Check what you share" in await answers(visitor, address, device.get(options))


Change = Mapping[str, Any]
SWAPPED: Mapping[str, tuple[Change, Change]] = {
    "another origin": ({"origin": "https://evil.example"}, {}),
    "in a frame of another site": ({"crossOrigin": True}, {}),
    "below another site": ({"topOrigin": "https://evil.example"}, {}),
    "another type": ({"type": "webauthn.create"}, {}),
    "another challenge": ({"challenge": base64url.encode(bytes(32))}, {}),
    "another party": ({}, {"rp_id": "evil.example"}),
    "no user verification": ({}, {"flags": PRESENT | ELIGIBLE | BACKED_UP}),
    "no user": ({}, {"flags": VERIFIED | ELIGIBLE | BACKED_UP}),
    "bound to a device at once": ({}, {"flags": PRESENT | VERIFIED}),
    "backed up but not eligible": ({}, {"flags": PRESENT | VERIFIED | BACKED_UP}),
    "with attested data": ({}, {"flags": PRESENT | VERIFIED | ELIGIBLE | BACKED_UP | ATTESTED}),
    "another user handle": ({}, {"user_handle": bytes(32)}),
}


async def test_an_answer_that_was_changed_signs_nobody_in(product: Centre) -> None:
    citizen, device = await owner(product)
    for name, (client, more) in SWAPPED.items():
        visitor, address, options = await prompted(product)
        page = await answers(visitor, address, device.get(options, client, **more))
        assert "Check what you share" not in page, name
        assert (await product.case(citizen)).state is S.APPROVED, name
    assert await signed_in(product, device)
    assert (await product.load((await product.case(citizen)).id)).state in (S.BOUND, S.RELEASED)


async def test_the_passkey_of_another_person_and_a_copied_answer_sign_nobody_in(product: Centre) -> None:
    (mine, device), (theirs, other) = await owner(product), await owner(product)
    visitor, address, options = await prompted(product)
    credential, handle = device.credentials[-1], other.credentials[-1].user_handle
    swapped = json.loads(device.get(options))
    swapped["id"] = swapped["rawId"] = base64url.encode(other.credentials[-1].id)
    page = await answers(visitor, address, json.dumps(swapped))
    assert "Check what you share" not in page
    visitor, address, options = await prompted(product)
    page = await answers(visitor, address, device.get(options, credential=credential, user_handle=handle))
    assert "Check what you share" not in page
    copied = device.get(options)
    stranger, elsewhere, _ = await prompted(product)
    assert "Check what you share" not in await answers(stranger, elsewhere, copied)
    for citizen in (mine, theirs):
        case = await product.case(citizen)
        assert (case.state, await audited(product, case, "case_bound")) == (S.APPROVED, 0)


async def test_a_counter_that_goes_back_signs_nobody_in(product: Centre) -> None:
    citizen = await product.helped()
    device = Authenticator(product.issuer, synced=False)
    await makes(citizen, device)
    agent, passkey = await product.colleague(AGENT), (await product.case(citizen)).passkey
    assert passkey is not None
    at = await agent.has_met(citizen)
    await agent.post(f"{at}/passkey", at, {"passkey": passkey.digest})
    await agent.decide(at, "approve")
    for _ in range(2):
        assert await signed_in(product, device)
    visitor, address, options = await prompted(product)
    page = await answers(visitor, address, device.get(options, count=1))
    assert "Check what you share" not in page


async def test_a_passkey_of_another_browser_is_made_for_nothing(product: Centre) -> None:
    citizen, device = await product.helped(), Authenticator(product.issuer)
    page = (await citizen.visit(f"{citizen.page}/passkey")).expect().body
    other = product.citizen()
    assert location(await other.resume(citizen.continuation)).startswith("/journey/")
    assert location(await other.visit(f"{other.page}/passkey")) == other.page
    taken = {**Forms(page).found[f"{citizen.page}/passkey"], "code": device.create(asked(page)), "days": "90"}
    stolen = {**taken, "token": await other.token()}
    await other.submit(f"{other.page}/passkey", stolen)
    stranger = product.citizen()
    await stranger.begin()
    await stranger.submit(f"{citizen.page}/passkey", taken)
    case = await product.case(other)
    assert case.passkey is None
    agent = await product.colleague(AGENT)
    at = await agent.has_met(other)
    await agent.post(f"{at}/passkey", at, {"passkey": "unknown"})
    assert location(await agent.decide(at, "approve")) == "/done/decided"
    assert not await signed_in(product, device)
    assert (await product.load(case.id)).state is S.APPROVED


async def test_a_passkey_that_no_agent_confirmed_signs_nobody_in(product: Centre) -> None:
    citizen, device = await product.helped(), Authenticator(product.issuer)
    await makes(citizen, device)
    assert not await signed_in(product, device)
    agent = await product.colleague(AGENT)
    assert location(await agent.decide(await agent.has_met(citizen), "approve")) == "/done/decided"
    assert not await signed_in(product, device)
    assert (await product.case(citizen)).state is S.APPROVED
