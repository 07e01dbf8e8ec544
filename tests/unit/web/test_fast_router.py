"""Fast router: answers every request as Starlette's own router does."""

from typing import Final
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.web.shared.fast_router import Endpoint, ExceptionHandler, fast_router
from broker.web.shared.not_found import NEAR, NotFoundHandler, typeable_paths, without_slashes

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "OPTIONS")


def echo(name: str) -> Endpoint:
    """An endpoint that responds with its name and its parameters."""

    async def respond(request: Request) -> Response:
        return PlainTextResponse(f"{name} {request.method} {dict(request.path_params)} {len(await request.body())}")

    return respond


def plain(_request: Request) -> Response:
    return PlainTextResponse("not async")


async def refused(request: Request) -> Response:
    raise HTTPException(int(request.path_params["status"]), headers={"x-why": "asked for"})


async def broken(_request: Request) -> Response:
    raise LookupError("unhandled")


async def lost(_request: Request) -> Response:
    raise KeyError("handled")


async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("mounted")(scope, receive, send)


async def http(_request: Request, exception: Exception) -> Response:
    assert isinstance(exception, HTTPException)
    return PlainTextResponse("http", exception.status_code, exception.headers)


async def key(_request: Request, _exception: Exception) -> Response:
    return PlainTextResponse("key", 418)


async def mishap(_request: Request, _exception: Exception) -> Response:
    return PlainTextResponse("mishap", 500)


ROUTES: Final = [
    Route("/", echo("home"), methods=["GET"]),
    Route("/token", echo("token"), methods=["POST"]),
    Route("/userinfo", echo("userinfo"), methods=["GET", "POST"]),
    Route("/slash/", echo("slash"), methods=["GET"]),
    Route("/journey/{handle}", echo("page"), methods=["GET"]),
    Route("/journey/never", echo("never reached"), methods=["GET"]),
    Route("/journey/never", echo("reached"), methods=["POST"]),
    Route("/journey/{handle}/choose", echo("choose"), methods=["POST"]),
    Route("/journey/{handle}/later", echo("look"), methods=["GET"]),
    Route("/journey/{handle}/later", echo("make"), methods=["POST"]),
    Route("/journey/{handle}/proof/code", echo("deep"), methods=["GET"]),
    Route("/two/{one}/{other}", echo("two"), methods=["GET"]),
    Route("/two/{one}/never", echo("never reached"), methods=["GET"]),
    Route("/number/{n:int}", echo("number"), methods=["GET"]),
    Route("/plain", plain, methods=["GET"]),
    Route("/anything", echo("anything")),
    Route("/refused/{status}", refused, methods=["GET"]),
    Route("/broken", broken, methods=["GET"]),
    Route("/lost", lost, methods=["GET"]),
    Mount("/mounted", app=elsewhere),
]
HANDLERS: Final[dict[object, ExceptionHandler]] = {HTTPException: http, KeyError: key, Exception: mishap}
PATHS: Final = [
    *(route.path for route in ROUTES if isinstance(route, Route | Mount)),
    *("/journey/a", "/journey/", "/journey//choose", "/journey/a/", "/journey/a/choose/", "/journey/a/b/c/d"),
    *("/journey/a%2Fb", "/journey/%0A", "/journey/a/choose%0A", "/token%0A", "/token/", "//token", "/two/a/b"),
    *("/number/7", "/number/x", "/refused/404", "/refused/403", "/mounted/a", "/slash", "/journey/{handle}/x", "/x/"),
    "/journey/never",
]


async def asked(app: ASGIApp, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport) as client:
        answer = await client.request(method, f"http://here.test{path}", content=b"sent" if method == "POST" else None)
    headers = dict(answer.headers)
    if "allow" in headers:
        headers["allow"] = ",".join(sorted(headers["allow"].replace(" ", "").split(",")))
    return answer.status_code, headers, answer.content


NOT_FOUND: Final = NotFoundHandler("https://id.test")


def router() -> ASGIApp:
    """Starlette's router without its redirects, which use `Host`."""
    whole = Starlette(routes=ROUTES, exception_handlers=dict(HANDLERS))
    whole.router.redirect_slashes = False
    return whole


@pytest.mark.parametrize("path", PATHS)
async def test_every_registered_path_is_routed_as_by_starlette(path: str) -> None:
    for method in METHODS:
        assert await asked(fast_router(ROUTES, HANDLERS, NOT_FOUND), method, path) == await asked(
            router(), method, path
        ), method


@given(parts=some.lists(some.sampled_from(["", "journey", "two", "a", "never", "choose", "proof", "code", "é", "\n"])))
async def test_any_other_path_is_routed_as_by_starlette(parts: list[str]) -> None:
    path = "/" + quote("/".join(parts))
    assert await asked(fast_router(ROUTES, HANDLERS, NOT_FOUND), "GET", path) == await asked(router(), "GET", path)


async def test_under_a_path_of_its_own_an_application_is_found_as_by_the_router() -> None:
    under = [Mount("/broker", app=fast_router(ROUTES, HANDLERS, NOT_FOUND))]
    assert (await asked(Starlette(routes=under), "POST", "/broker/token"))[2] == b"token POST {} 4"


async def test_an_unhandled_exception_is_answered_and_raised_again() -> None:
    transport = httpx.ASGITransport(fast_router(ROUTES, HANDLERS, NOT_FOUND))
    async with httpx.AsyncClient(transport=transport, base_url="http://here.test") as client:
        with pytest.raises(LookupError):
            await client.get("/broken")
        assert (await client.get("/lost")).status_code == 418


TYPED: Final = NotFoundHandler(
    "https://id.test", pages=frozenset({"/", "/slash/", "/journey/{handle}"}), calls=frozenset({"/token"})
)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/journey/a/", "https://id.test/journey/a"),
        ("//journey//a//", "https://id.test/journey/a"),
        ("/journey/a/?lang=cy&x=%2F", "https://id.test/journey/a?lang=cy&x=%2F"),
        ("/journey/a%0D%0Ab/", "https://id.test/journey/a%0D%0Ab"),
        ("//", "https://id.test/"),
    ],
)
async def test_a_page_with_a_slash_too_many_leads_to_the_configured_origin_with_303(path: str, to: str) -> None:
    for method in ("GET", "HEAD"):
        status, headers, _ = await asked(fast_router(ROUTES, HANDLERS, TYPED), method, path)
        assert (status, headers["location"]) == (303, to)
    assert (await asked(fast_router(ROUTES, HANDLERS, TYPED), "POST", path))[0] == 404


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/token/", "//token", "/token//", "/token%2F"])
async def test_an_endpoint_with_a_slash_too_many_is_404_and_says_its_address(method: str, path: str) -> None:
    status, headers, body = await asked(fast_router(ROUTES, HANDLERS, TYPED), method, path)
    assert (status, headers["content-type"], "location" in headers) == (404, "application/json", False)
    assert method == "HEAD" or b"The address is https://id.test/token" in body


async def test_any_other_path_with_a_slash_too_many_is_404_and_the_page_learns_the_address() -> None:
    seen: list[object] = []

    async def http(request: Request, _exception: Exception) -> Response:
        seen.append(request.scope.get("state", {}).get(NEAR))
        return PlainTextResponse("http", 404)

    for path in ("/userinfo/", "/number/7/", "/no/such/path/"):
        assert (await asked(fast_router(ROUTES, {**HANDLERS, HTTPException: http}, TYPED), "GET", path))[0] == 404
    assert seen == ["https://id.test/userinfo", None, None]


@given(some.text("/ab", max_size=9))
def test_taking_slashes_away_twice_changes_nothing(path: str) -> None:
    once = without_slashes(path)
    assert without_slashes(once) == once
    assert once.startswith("/")
    assert "//" not in once
    assert once == "/" or not once.endswith("/")


def test_a_callback_path_with_a_slash_too_many_is_not_redirected() -> None:
    routes = [
        Route("/help", echo("help"), methods=["GET"]),
        Route("/callback/{provider}", echo("callback"), methods=["GET"]),
        Route("/language", echo("language"), methods=["POST"]),
    ]
    assert typeable_paths(routes) == {"/help"}
