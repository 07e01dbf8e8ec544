"""Errors on a page for requests whose service is known: the page names it, and its engineers get the reason."""

import re
import time
from collections.abc import Mapping
from urllib.parse import urlencode

import jwt
import pytest

from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import Reply
from tests.security.endpoint_client import Endpoints, Victim, shown

KNOWN = {"client_id": "rides", "response_type": "code", "scope": "openid"}
PUSHED = "urn:ietf:params:oauth:request_uri:"


def request_object(held: Victim, **changes: object) -> str:
    """A signed request object with changed members; None removes a member."""
    service, now = held.service, int(time.time())
    members = {
        "iss": service.client_id,
        "aud": service.issuer,
        "exp": now + 60,
        "client_id": service.client_id,
        "response_type": "code",
        "redirect_uri": service.redirect_uri,
        "scope": "openid",
        "state": "inside",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        **changes,
    }
    given = {name: value for name, value in members.items() if value is not None}
    return jwt.encode(given, service.key, "ES256", headers={"kid": service.kid, "typ": "oauth-authz-req+jwt"})


async def inspected(endpoints: Endpoints, client: str = "rides") -> str:
    """The newest exchange that the inspector has of a service, as a page."""
    page = (await endpoints.send("GET", f"/inspector?client={client}")).expect().body.decode()
    return re.split(r"<section ", page)[1]


async def names_the_service(endpoints: Endpoints, stage: Stage, reply: Reply, reason: str) -> None:
    """The page leads to the service's home and holds the reason, which the inspector has too, under the service."""
    body = shown(reply).body.decode()
    assert "Rides" in body
    assert f'href="{stage.service}/"' in body
    assert "cannot tell" not in body
    text = body.replace("&#39;", "'").replace("&#x27;", "'")
    assert reason in text, text[-3000:]
    assert reason in (await inspected(endpoints)).replace("&#39;", "'").replace("&#x27;", "'")


async def test_a_signed_request_needs_nothing_outside_but_client_id(endpoints: Endpoints, held: Victim) -> None:
    """RFC 9101 5, as openid-client sends it."""
    asked = {"client_id": "rides", "request": request_object(held)}
    for reply in (
        await endpoints.send("GET", "/authorize?" + urlencode(asked)),
        await endpoints.post("/authorize", asked),
    ):
        assert reply.status == 303, reply.body[:3000]
    assert (await endpoints.send("GET", "/authorize?" + urlencode(asked))).location.startswith("/journey/")
    pushed = await endpoints.post("/par", {"request": request_object(held), **held.service.assertion()})
    assert pushed.expect(201).json["request_uri"].startswith(PUSHED)
    wrong = {**asked, "request": request_object(held, scope="profile")}
    back = await endpoints.send("GET", "/authorize?" + urlencode(wrong))
    assert back.location.startswith(f"{held.service.redirect_uri}?error=invalid_scope")
    assert "state=inside" in back.location


OBJECTS: Mapping[str, tuple[Mapping[str, object], str]] = {
    "expired": ({"exp": 1}, "the request object is not valid: it has expired"),
    "for another": ({"aud": "https://other.example"}, "expected 'http://localhost:"),
    "of another": ({"iss": "other"}, "iss is not the client_id"),
    "names another": ({"client_id": "library"}, "client_id names another service"),
    "nested": ({"request_uri": "https://rides.example/r"}, "request_uri stands inside"),
    "no redirect_uri": ({"redirect_uri": None}, "the parameter redirect_uri is missing"),
    "a strange redirect_uri": ({"redirect_uri": "https://evil.example/"}, "redirect_uri is not registered"),
}


@pytest.mark.parametrize("case", OBJECTS)
async def test_a_signed_request_that_is_refused_names_its_service_and_the_reason(
    endpoints: Endpoints, stage: Stage, held: Victim, case: str
) -> None:
    changes, reason = OBJECTS[case]
    asked = {"client_id": "rides", "request": request_object(held, **changes)}
    await names_the_service(endpoints, stage, await endpoints.send("GET", "/authorize?" + urlencode(asked)), reason)


REQUESTS: Mapping[str, tuple[str, Mapping[str, str], str]] = {
    "no redirect_uri": ("/authorize", KNOWN, "the parameter redirect_uri is missing"),
    "a strange redirect_uri": ("/authorize", {**KNOWN, "redirect_uri": "https://evil.example/"}, "is not registered"),
    "a request_uri elsewhere": ("/authorize", {**KNOWN, "request_uri": "https://x.example/"}, "pushed requests only"),
    "an unknown pushed request": ("/authorize", {"client_id": "rides", "request_uri": f"{PUSHED}x"}, "not known here"),
    "a request that is no JWT": ("/authorize", {"client_id": "rides", "request": "x"}, "not a JWS in compact form"),
    "a strange post_logout_redirect_uri": (
        "/logout",
        {"client_id": "rides", "post_logout_redirect_uri": "https://evil.example/"},
        "the post_logout_redirect_uri is not registered for this service",
    ),
    "a hint that is no ID token": ("/logout", {"client_id": "rides", "id_token_hint": "x"}, "not an ID token of ours"),
    "a state too long": ("/logout", {"client_id": "rides", "state": "s" * 5000}, "the parameter state is too long"),
}


@pytest.mark.parametrize("case", REQUESTS)
async def test_a_request_of_a_known_service_that_is_refused_on_a_page_names_it(
    endpoints: Endpoints, stage: Stage, case: str
) -> None:
    path, asked, reason = REQUESTS[case]
    await names_the_service(endpoints, stage, await endpoints.send("GET", f"{path}?{urlencode(asked)}"), reason)


@pytest.mark.parametrize("path", ["/authorize", "/logout"])
async def test_a_request_that_cannot_be_read_whole_names_its_service_if_it_names_one(
    endpoints: Endpoints, stage: Stage, path: str
) -> None:
    for query, reason in (
        ("client_id=rides&state=a&state=b", "a parameter is repeated"),
        ("client_id=rides&state=%zz", "not percent-encoded properly"),
        ("client_id=rides&state=%ff", "not in UTF-8"),
    ):
        await names_the_service(endpoints, stage, await endpoints.post(path, query.encode()), reason)
        if "%zz" not in query:  # the test's own client would encode that once more
            await names_the_service(endpoints, stage, await endpoints.send("GET", f"{path}?{query}"), reason)
    for query in ("client_id=rides&client_id=rides", "client_id=rides&client_id=library", "state=a&state=b"):
        body = shown(await endpoints.send("GET", f"{path}?{query}")).body.decode()
        assert "Rides" not in body
        assert "Library" not in body


async def test_the_page_of_a_request_holds_no_text_of_others(endpoints: Endpoints) -> None:
    text = "Ring 0900 123 456 at once and tell us your password"
    forged = jwt.encode({}, "x" * 32, "HS256", headers={"kid": text, "typ": text})
    for path, asked in (
        ("/authorize", {**KNOWN, "redirect_uri": text}),
        ("/authorize", {"client_id": "rides", "request": forged}),
        ("/authorize", {"client_id": text}),
        ("/logout", {"client_id": "rides", "post_logout_redirect_uri": text}),
    ):
        assert text.encode() not in shown(await endpoints.send("GET", f"{path}?{urlencode(asked)}")).body
