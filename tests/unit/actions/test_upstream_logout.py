"""A logout by a provider, with real stores: which sessions end, and that their services are notified."""

from dataclasses import replace
from typing import Any, cast

import pytest

from broker.actions.upstream_logout import UpstreamLogoutContext, receive_frame, receive_logout
from broker.model.handle import sha256_hex
from broker.model.identity import Identity
from broker.model.session import Session, UpstreamLogout
from broker.provider import CallbackParameters, LogoutFrames, ProviderFailure
from broker.web.shared.pages import PageRenderer
from tests.contracts.stores.samples import claim_due
from tests.support.services import change_service
from tests.unit.actions.assisted.case_harness import STRANGER, Stage
from tests.unit.actions.page_world import ALDER, World, world

ALDER_ISSUER = "https://alder.example"
BYE, TOLD = "https://library.example/bye", "https://library.example/logout"


@pytest.fixture
def w(stage: Stage) -> World:
    """A library that is notified in both ways, and a provider that says when its sessions end."""
    found = world(stage, cast(PageRenderer, None))
    library = found.shelf.services["library"]
    found.shelf.services["library"] = change_service(library, frontchannel_logout_uri=BYE, backchannel_logout_uri=TOLD)
    cast(Any, found.upstream[ALDER]).logout_frames = LogoutFrames(ALDER_ISSUER, (ALDER_ISSUER,))
    return found


def context(w: World) -> UpstreamLogoutContext:
    """What the logout works with."""
    logouts, system = w.stage.facts.upstream_logouts, w.sign_in.sign_in_context.system
    return UpstreamLogoutContext("https://broker.example", w.shelf.providers, w.shelf.services, logouts, system)


async def signed_in(w: World, sid: str) -> str:
    """A citizen signs in at the library in this session of the provider; gives the cookie of the broker's session."""
    upstream = w.upstream[ALDER]

    async def complete(note: Any, answer: CallbackParameters) -> Identity | ProviderFailure:
        found = await type(upstream).complete(upstream, note, answer)
        return replace(found, upstream_sid=sid) if isinstance(found, Identity) else found

    cast(Any, upstream).complete = complete
    handle = await w.arrives()
    await w.tries(handle)
    updates = await w.sign_in.share(handle, w.browser, agree=True)
    assert updates.session is not None
    return str(updates.session)


async def session(w: World, cookie: str) -> Session | None:
    """The session of a cookie, if it has not ended."""
    return await w.stage.facts.sessions.load(sha256_hex(cookie))


async def test_a_frame_ends_what_began_in_the_providers_session_and_tells_the_services(w: World) -> None:
    mine = await signed_in(w, "up-1")
    w.browser = STRANGER
    theirs = await signed_in(w, "up-2")
    parameters = {"iss": ALDER_ISSUER, "sid": "up-1"}
    assert await receive_frame(context(w), ALDER, {**parameters, "sid": "up-3"}, None) is not None
    other = await receive_frame(context(w), ALDER, parameters, theirs)
    assert other is not None
    assert not other.own
    assert await session(w, mine) is not None
    found = await receive_frame(context(w), ALDER, parameters, None)
    assert found is not None
    assert [url.partition("?")[0] for url in found.frames] == [BYE]
    assert await session(w, mine) is None
    assert await session(w, theirs) is not None
    now = w.clock.now()
    [delivery] = await claim_due(w.stage.facts, now, now + 1)
    assert delivery.client_id == "library"
    assert f"sid={delivery.content['sid']}" in found.frames[0]


async def test_a_logout_token_of_a_session_ends_it_and_nothing_else_once(w: World) -> None:
    mine = await signed_in(w, "up-1")
    logout = UpstreamLogout(ALDER_ISSUER, None, "up-1", w.clock.now() + 1, "j-1")

    async def read_logout(_token: str) -> UpstreamLogout:
        return logout

    cast(Any, w.upstream[ALDER]).read_logout = read_logout
    assert await receive_logout(context(w), ALDER, "a token") == 1
    assert await session(w, mine) is None
    assert await receive_logout(context(w), ALDER, "the same token") is None
    again = await signed_in(w, "up-2")
    logout = replace(logout, jti="j-2")
    assert await receive_logout(context(w), ALDER, "another token") == 0
    assert await session(w, again) is not None
