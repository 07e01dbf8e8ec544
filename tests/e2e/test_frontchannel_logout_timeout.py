"""The page after logout continues in time if the services in its frames do not respond."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from playwright.async_api import Request

from broker.web.citizens.logout_pages import SECONDS
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import SCRIPT, Newcomer
from tests.e2e.extra_clients import LIBRARY, ClientRequest
from tests.e2e.raw_client import eventually

FRONT = 'frontchannel_logout_uri = "http://localhost:{port}/{name}"\nclaims ='
MANNERS = ("hangs", "half a head", "never ends", "turns round")


class Misbehaving:
    """A server of services that hang, stream without end, or redirect in circles; it records its requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = 0
        self.answered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.open += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1].partition("?")[0].removeprefix("/")
            self.asked.append(path)
            await self._answer(path, reader, writer)
        self.open -= 1
        writer.close()

    async def _answer(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match path:
            case "turns_round":
                writer.write(
                    b"HTTP/1.1 302 Found\r\nLocation: /turns_round\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                await writer.drain()
            case "never_ends":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
                while not reader.at_eof():
                    writer.write(b"<p>still here</p>" * 50)
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "half_a_head":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-")
                await writer.drain()
                await reader.read()
            case _:
                await reader.read()  # until the browser gives up


@pytest.fixture(scope="module")
async def services() -> AsyncIterator[tuple[Misbehaving, int]]:
    """The misbehaving services and their port."""
    behaviour = Misbehaving()
    server = await asyncio.start_server(behaviour.serve, "127.0.0.1", 0)
    yield behaviour, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, services: tuple[Misbehaving, int]) -> AsyncIterator[Stage]:
    """A stage with one service for each manner, at which the provider ends no session: nothing is to be chosen."""
    files = {}
    for manner in MANNERS:
        name = manner.replace(" ", "_")
        text = LIBRARY.replace("library", name.replace("_", "-")).replace(
            'redirect_uris = ["http://localhost:8002/try"]',
            f'redirect_uris = ["http://localhost:8002/try", "http://localhost:{services[1]}/back"]',
        )
        files[f"services/{name.replace('_', '-')}.toml"] = text.replace(
            "claims =", FRONT.format(port=services[1], name=name)
        )
    edits = {**SCRIPT.edits, "providers/northbank.toml": {"[openid]": "[openid]\nend_session = false"}}
    async with staged(tmp_path_factory.mktemp("frames"), Script(edits, files)) as running:
        yield running


async def test_the_page_goes_on_while_every_service_in_a_frame_is_still_waited_for(
    newcomer: Newcomer, stage: Stage, services: tuple[Misbehaving, int], *, script: bool
) -> None:
    citizen: Citizen = await newcomer(stage, script=script)
    behaviour, port = services
    behaviour.asked.clear()
    names = [manner.replace(" ", "-") for manner in MANNERS]
    for name in names:
        library = ClientRequest(stage, name)
        await citizen.page.goto(library.request(prompt="consent"))
        if await citizen.page.get_by_role("radio").count():
            await citizen.choose(NORTHBANK)
            await citizen.play("ok")
        await citizen.share()
        await library.answer(citizen.page)

    done: list[str] = []

    def finished(request: Request) -> None:
        done.append(request.url)

    citizen.page.on("requestfinished", finished)
    back = f"{stage.service}/"
    await citizen.page.goto(f"{stage.issuer}/logout?client_id={names[0]}&post_logout_redirect_uri={back}")
    async with citizen.page.expect_response(f"{stage.issuer}/signed-out/*") as shown:
        await citizen.press("Sign out")
    response = await shown.value
    # the browser starts the refresh timer at once: the page is complete without any service
    assert (await response.all_headers())["refresh"] == f"{SECONDS};url={back}"
    assert SECONDS <= 3
    await citizen.page.wait_for_load_state("load")

    async def all_asked() -> bool:
        return set(behaviour.asked) == {manner.replace(" ", "_") for manner in MANNERS}

    await eventually(15, all_asked)
    await citizen.page.wait_for_url(back)
    waited_for = {
        f"http://localhost:{port}/{manner.replace(' ', '_')}" for manner in ("hangs", "half a head", "never ends")
    }
    assert not [url for url in done if url.partition("?")[0] in waited_for], "no service ever came to an end"
