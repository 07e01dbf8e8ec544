"""What two services can put together about one citizen who uses both in one session: nothing but what is named here.

Everything that reaches them is collected and compared mechanically. A value that both services see is allowed if they
see it of every other citizen as well: then it says nothing of who it is.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from tests.e2e.app_harness import Ahead, Script, Stage, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.extra_clients import LIBRARY, ClientRequest
from tests.e2e.logout_services import ReceivedLogouts, decoded
from tests.e2e.raw_client import eventually

FRONT = """
backchannel_logout_uri = "http://localhost:8002/logout/{name}"
frontchannel_logout_uri = "http://localhost:8002/framed?of={name}"
introspection = true
claims ="""
SERVICES = ("library", "bookshop")
SCRIPT = Script(
    files={
        f"services/{name}.toml": LIBRARY.replace("library", name).replace("claims =", FRONT.format(name=name))
        for name in SERVICES
    }
)

AT_ONCE = {"logout token.iat", "logout token.exp"}
"""Every service of a session is told at the same moment that it has ended; the time of the call says as much."""


Seen = Mapping[str, Any]


def leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every single value, with the names that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(name, inner)
    else:
        yield name, value


def token(name: str, text: str) -> Iterator[tuple[str, Any]]:
    """Every value in the header and the claims of a JWT."""
    header, claims, _ = text.split(".")
    yield from leaves(f"{name} header", json.loads(decoded(header)))
    yield from leaves(name, json.loads(decoded(claims)))


@pytest.fixture
def ahead() -> Ahead:
    """A clock of the test's own: services are used some time apart, and only what is the same is the same."""
    return Ahead()


@pytest.fixture
def logouts() -> ReceivedLogouts:
    """What reaches the services from the broker itself."""
    return ReceivedLogouts()


@pytest.fixture
async def stage(
    tmp_path_factory: pytest.TempPathFactory, ahead: Ahead, logouts: ReceivedLogouts
) -> AsyncIterator[Stage]:
    """A stage with two services of different sectors."""
    async with staged(tmp_path_factory.mktemp("two services"), SCRIPT, ahead.system, logouts) as running:
        yield running


async def visits(citizen: Citizen, client_id: str, **asked: str) -> list[tuple[str, Any]]:
    """Uses a service; gives everything that it learns from the broker's answers."""
    library = ClientRequest(citizen.stage, client_id)
    await citizen.page.goto(library.request(scope="openid", **asked))
    if await citizen.page.get_by_role("radio").count():
        await citizen.choose(NORTHBANK)
        await citizen.play("ok", asked.get("login_hint") or "amina")
    await citizen.share()
    answer = await library.answer(citizen.page)
    reply = (await library.redeem(answer["code"])).expect().json
    seen = [*leaves("answer", {name: value for name, value in answer.items() if name != "state"})]
    seen += [*leaves("tokens", {name: value for name, value in reply.items() if name != "id_token"})]
    seen += [*token("id token", reply["id_token"])]
    access = reply["access_token"]
    seen += [*leaves("userinfo", (await library.userinfo(access)).expect().json)]
    seen += [*leaves("introspection", (await library.introspect(access)).expect().json)]
    return seen


async def one_citizen(
    citizen: Citizen, persona: str, logouts: ReceivedLogouts, ahead: Ahead, **asked: str
) -> dict[str, list[tuple[str, Any]]]:
    """Uses both services in one session and signs out; gives what each of them saw."""
    logouts.tokens.clear()
    logouts.frames.clear()
    seen = {}
    for name in SERVICES:
        seen[name] = await visits(citizen, name, prompt="consent", login_hint=persona, **asked)
        ahead.advance(7)
    await citizen.page.goto(f"{citizen.stage.issuer}/logout")
    await citizen.press("Sign out")
    await citizen.sees("You are signed out")

    async def all_notified() -> bool:
        return len(logouts.tokens) == len(logouts.frames) == len(SERVICES)

    await eventually(15, all_notified)
    for path, text in logouts.tokens:
        seen[path.rpartition("/")[2]] += token("logout token", text)
    for frame in logouts.frames:
        seen[frame["of"]] += leaves("front channel", {key: value for key, value in frame.items() if key != "of"})
    return seen


def in_common(seen: Mapping[str, list[tuple[str, Any]]]) -> set[tuple[str, str]]:
    """The values that both services saw, wherever: each with the name by which the first one saw it."""
    one, other = (seen[name] for name in SERVICES)
    known = {repr(value) for _, value in other}
    return {(name, repr(value)) for name, value in one if repr(value) in known}


async def test_two_services_share_no_value_specific_to_a_citizen(
    newcomer: Newcomer, stage: Stage, logouts: ReceivedLogouts, ahead: Ahead
) -> None:
    shared = []
    everything = []
    for persona in ("amina", "ioan"):
        seen = await one_citizen(await newcomer(stage), persona, logouts, ahead)
        everything.append({repr(value) for values in seen.values() for _, value in values})
        shared.append(in_common(seen))
        ahead.advance(60)
    for mine, others in zip(shared, reversed(everything), strict=True):
        assert {name for name, value in mine if value not in others} <= AT_ONCE
        assert mine, "the search finds what is the same, such as the issuer"


async def test_auth_time_is_returned_in_seconds_if_requested(
    newcomer: Newcomer, stage: Stage, logouts: ReceivedLogouts, ahead: Ahead
) -> None:
    """If both request it they have it in common, and the search of the other test would find it."""
    shared = in_common(await one_citizen(await newcomer(stage), "amina", logouts, ahead, max_age="3600"))
    assert {"id token.auth_time", "introspection.auth_time"} <= {name for name, _ in shared}


async def test_the_order_of_members_does_not_depend_on_the_citizen(
    newcomer: Newcomer, stage: Stage, logouts: ReceivedLogouts, ahead: Ahead
) -> None:
    orders = []
    for persona in ("amina", "ioan"):
        seen = await one_citizen(await newcomer(stage), persona, logouts, ahead)
        orders.append({name: [path for path, _ in values] for name, values in seen.items()})
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders[0].values()}) == 1
