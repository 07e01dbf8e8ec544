"""Replay of client assertions (`private_key_jwt`): a used one is rejected everywhere, also if its use failed."""

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.raw_client import RawCitizen, Reply
from tests.security.endpoint_client import CALLED, Endpoints, Victim, refused

CREDENTIALS = ("client_id", "client_assertion_type", "client_assertion")
CODE = "code_" + "A" * 43
REFRESH = "refresh_" + "A" * 43
QUESTION = "ciba_" + "A" * 43
CIBA = "urn:openid:params:grant-type:ciba"

USES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "/par, taken": ("/par", {}),
    "/par, response_type unknown": ("/par", {"response_type": "token"}),
    "/par, redirect_uri of others": ("/par", {"redirect_uri": "https://evil.example/"}),
    "/par, request broken": ("/par", {"request": "x.y.z"}),
    "/token, no grant_type": ("/token", {"grant_type": ""}),
    "/token, grant_type unknown": ("/token", {"grant_type": "password"}),
    "/token, no code": ("/token", {"code": ""}),
    "/token, code unknown": ("/token", {"code": CODE}),
    "/token, redirect_uri wrong": ("/token", {"redirect_uri": "https://evil.example/"}),
    "/token, code_verifier wrong": ("/token", {"code_verifier": "x" * 43}),
    "/token, refresh token unknown": ("/token", {"grant_type": "refresh_token", "refresh_token": REFRESH}),
    "/token, scope too wide": ("/token", {"grant_type": "refresh_token", "refresh_token": "", "scope": "openid email"}),
    "/token, refreshed": ("/token", {"grant_type": "refresh_token", "refresh_token": ""}),
    "/token, auth_req_id unknown": ("/token", {"grant_type": CIBA, "auth_req_id": QUESTION}),
    "/introspect, token known": ("/introspect", {}),
    "/introspect, no token": ("/introspect", {"token": ""}),
    "/introspect, token unknown": ("/introspect", {"token": "x"}),
    "/revoke, token unknown": ("/revoke", {"token": "x"}),
    "/revoke, no token": ("/revoke", {"token": ""}),
    "/ciba, user unknown": ("/ciba", {}),
    "/ciba, no hint": ("/ciba", {"login_hint": ""}),
}
"""What an assertion is used for first: the endpoint, and what differs from a form that is right."""


def spent(held: Victim, use: str) -> tuple[str, dict[str, str]]:
    """The endpoint and the form of a first use."""
    path, changed = USES[use]
    form = {**held.forms()[path], **changed}
    if form.get("refresh_token") == "":
        form["refresh_token"] = held.refresh
    return path, form


def everywhere(held: Victim, credentials: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every endpoint and every grant type, with the same credentials, as a right call and as a wrong one."""
    forms = held.forms()
    for path in CALLED:
        yield path, {**forms[path], **credentials}
        yield path, dict(credentials)
    refresh = {"grant_type": "refresh_token", "refresh_token": held.refresh}
    for form in (refresh, {**refresh, "scope": "openid email"}, {"grant_type": CIBA, "auth_req_id": QUESTION}):
        yield "/token", {**form, **credentials}
    yield "/token", {**forms["/token"], "grant_type": "password", **credentials}
    yield "/token", {**forms["/token"], "code": CODE, **credentials}
    yield "/revoke", {"token": held.access, **credentials}


@pytest.mark.parametrize("use", USES)
async def test_a_used_client_assertion_authenticates_at_no_endpoint(
    endpoints: Endpoints, held: Victim, use: str
) -> None:
    path, form = spent(held, use)
    first = await endpoints.post(path, form)
    assert first.status != 401, first.body
    credentials = {name: form[name] for name in CREDENTIALS}
    for where, again in everywhere(held, credentials):
        reply = await endpoints.post(where, again)
        assert reply.status == 401, (use, where, again, reply.json)
        refused(reply, "invalid_client")


@pytest.mark.parametrize("use", USES)
async def test_of_many_copies_of_one_call_at_most_one_is_authenticated(
    endpoints: Endpoints, held: Victim, use: str
) -> None:
    path, form = spent(held, use)
    replies = await asyncio.gather(*(endpoints.post(path, form) for _ in range(8)))
    assert [reply.status for reply in replies].count(401) == len(replies) - 1, [reply.body for reply in replies]


async def test_a_token_request_repeated_byte_for_byte_ends_nothing(endpoints: Endpoints, held: Victim) -> None:
    """RFC 6749 3.2.1: the client is authenticated first. With a new assertion the code ends everything."""
    another = RawCitizen(held.raw_citizen.http_sender, held.service)
    form = another.exchange(await another.code())
    tokens = (await endpoints.post("/token", form)).expect().json
    for _ in range(2):
        refused(await endpoints.post("/token", form), "invalid_client")
    (await held.raw_citizen.userinfo(tokens["access_token"])).expect()
    (await held.raw_citizen.refresh(tokens["refresh_token"])).expect()
    refused(await endpoints.post("/token", {**form, **held.service.assertion()}), "invalid_grant")
    assert (await held.raw_citizen.userinfo(tokens["access_token"])).status == 401
    refused(await held.raw_citizen.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_a_demand_for_a_dpop_nonce_uses_no_assertion_up_and_answers_no_used_one(
    endpoints: Endpoints, bound: Victim
) -> None:
    service, url = bound.service, f"{endpoints.issuer}/token"
    form = {"grant_type": "refresh_token", "refresh_token": bound.refresh, **service.assertion()}

    async def tried(form: Mapping[str, str], nonce: str) -> Reply:
        service.nonce, kept = nonce, service.nonce
        try:
            return await endpoints.post("/token", form, *service.proof("POST", url).items())
        finally:
            service.nonce = kept

    demanded = refused(await tried(form, ""), "use_dpop_nonce")
    assert demanded.status == 400
    nonce = demanded.headers["DPoP-Nonce"]
    (await tried(form, nonce)).expect()
    for again in (nonce, "", "x"):
        reply = refused(await tried(form, again), "invalid_client")
        assert reply.status == 401
    # a proof that does not hold is an answer, and the assertion is used by it
    form = {**form, **service.assertion()}
    refused(await endpoints.post("/token", form, ("DPoP", "x")), "invalid_dpop_proof")
    refused(await tried(form, nonce), "invalid_client")
