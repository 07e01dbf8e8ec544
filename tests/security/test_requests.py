"""Requests of the wrong kind, shape and size at every endpoint of the services' door."""

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import HttpSender, RawCitizen, Reply
from tests.e2e.relying_service import rides
from tests.security.endpoint_client import (
    CALLED,
    FORM,
    UNREAD,
    VISITED,
    Endpoints,
    Victim,
    refused,
    shown,
    spoiled,
    victim,
)

WRONG_TYPES: Final = (
    None,
    "",
    "application/json",
    "text/plain",
    "text/plain; charset=utf-8",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/octet-stream",
    "application/jwt",
    f"{FORM}; charset=utf-16",
    f"{FORM}; charset=utf-7",
    f"{FORM}, application/json",
    f"{FORM}x",
    f"x{FORM}",
    "application/x-www-form-urlencoded-v2",
)
RIGHT_TYPES: Final = (f"{FORM};charset=utf8", f"{FORM};charset=ISO-8859-1", f"{FORM};", f"{FORM}; boundary=x")
WRONG_METHODS: Final = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
SPOILED: Final = ("invalid_request", "invalid_client", "unsupported_grant_type")
OVERRIDES: Final = (("X-HTTP-Method-Override", "POST"), ("X-Method-Override", "POST"), ("X-HTTP-Method", "POST"))


async def test_the_unmodified_requests_of_these_tests_are_accepted(
    endpoints: Endpoints, line: HttpSender, stage: Stage
) -> None:
    """Or it would be refused for another reason than the one that a test is about."""
    attacked = await victim(line, rides(stage.folder, stage.issuer))
    forms = attacked.forms()
    (await endpoints.post("/par", forms["/par"])).expect(201)
    assert (await endpoints.post("/introspect", forms["/introspect"])).expect().json["active"] is True
    assert (await endpoints.post("/ciba", forms["/ciba"])).expect(400).json["error"] == "unknown_user_id"
    (await endpoints.post("/token", forms["/token"])).expect()
    (await endpoints.post("/revoke", forms["/revoke"])).expect()
    refused(await endpoints.send("GET", "/userinfo", headers=[("Authorization", f"Bearer {attacked.access}")]))


async def test_only_a_form_is_read_as_a_form(endpoints: Endpoints, held: Victim) -> None:
    for kind in WRONG_TYPES:
        said = [] if kind is None else [("Content-Type", kind)]
        for path, form in held.forms().items():
            for body in (urlencode(form).encode(), json.dumps(form).encode()):
                reply = await endpoints.send("POST", path, body, said)
                assert refused(reply, "invalid_request").status == 415, (path, kind)
        reply = await endpoints.send("POST", "/userinfo", b"x=1", [*said, ("Authorization", f"Bearer {held.access}")])
        assert refused(reply, "invalid_request").status == 415, kind
        for path in VISITED:
            asked = {"client_id": "rides", "response_type": "code", "redirect_uri": held.service.redirect_uri}
            shown(await endpoints.send("POST", path, urlencode(asked).encode(), said), 415)


async def test_parameters_of_a_media_type_that_change_nothing_are_accepted(endpoints: Endpoints, held: Victim) -> None:
    for kind in RIGHT_TYPES:
        for path, status in (("/par", 201), ("/introspect", 200), ("/ciba", 400)):
            body = urlencode(held.forms()[path]).encode()
            assert (await endpoints.send("POST", path, body, [("Content-Type", kind)])).status == status, (path, kind)
        at_userinfo = [("Content-Type", kind), ("Authorization", f"Bearer {held.access}")]
        (await endpoints.send("POST", "/userinfo", b"x=1", at_userinfo)).expect()
        (await endpoints.send("POST", "/authorize", urlencode(_plain(held)).encode(), [("Content-Type", kind)])).expect(
            303
        )


async def test_a_charset_that_changes_what_is_read_is_refused_in_words(endpoints: Endpoints, held: Victim) -> None:
    body = urlencode({**held.forms()["/par"], "state": "é"}).encode()
    error = refused(await endpoints.send("POST", "/par", body, [("Content-Type", f"{FORM};charset=ISO-8859-1")])).json
    assert "UTF-8" in error["error_description"]
    assert "charset" in error["error_description"]


def _plain(held: Victim) -> dict[str, str]:
    """An authorization request that a browser brings."""
    return {
        "client_id": "rides",
        "response_type": "code",
        "redirect_uri": held.service.redirect_uri,
        "scope": "openid",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }


async def test_unknown_parameters_are_ignored_with_any_value(endpoints: Endpoints, held: Victim) -> None:
    for name, unread in UNREAD.items():
        for path, status in (("/par", 201), ("/introspect", 200), ("/ciba", 400)):
            form = urlencode(held.forms()[path]).encode()
            reply = await endpoints.post(path, form + b"&" + unread)
            assert reply.status == status, (name, path, reply.body)
            assert status != 400 or reply.json["error"] == "unknown_user_id"
        bearer = ("Authorization", f"Bearer {held.access}")
        (await endpoints.post("/userinfo", unread, bearer)).expect()
        asked = urlencode(_plain(held)).encode() + b"&" + unread
        assert (await endpoints.post("/authorize", asked)).location.startswith("/authorize?client_id=rides&"), name
        written = quote(asked, safe="&=%;")  # as it is, but for raw bytes, which no request line holds
        assert (await endpoints.send("GET", f"/authorize?{written}")).location.startswith("/journey/"), name
        assert (await endpoints.post("/logout", b"state=x&" + unread)).location == "/logout?state=x"
        assert (await endpoints.send("GET", f"/logout?state=x&{quote(unread, safe='&=%;')}")).status == 200


async def test_two_content_types_are_not_chosen_from(endpoints: Endpoints, held: Victim) -> None:
    for path, form in held.forms().items():
        for kinds in ((FORM, "application/json"), ("application/json", FORM)):
            body = urlencode(form).encode()
            reply = await endpoints.send("POST", path, body, [("Content-Type", kind) for kind in kinds])
            assert refused(reply, "invalid_request").status == 415, (path, kinds)


async def test_no_other_method_does_what_a_post_does(endpoints: Endpoints, held: Victim) -> None:
    for path, form in held.forms().items():
        body = urlencode(form).encode()
        for method in WRONG_METHODS:
            for extra in ((), OVERRIDES):
                reply = await endpoints.send(
                    method,
                    f"{path}?{body.decode()}",
                    body,
                    [("Content-Type", FORM), *extra, ("X-Original-Method", "POST")],
                )
                assert reply.status in (400, 405), (path, method, reply.status)
                if reply.status == 405:
                    assert reply.headers["Allow"] == "POST"
    for path in VISITED:
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            assert (await endpoints.send(method, f"{path}?client_id=rides", headers=list(OVERRIDES))).status == 405
    for path in ("/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        assert (await endpoints.post(path, b"a=1")).status == 405


async def test_a_token_is_read_from_the_header_alone(endpoints: Endpoints, held: Victim) -> None:
    token = held.access
    elsewhere = [
        await endpoints.send("GET", f"/userinfo?access_token={token}"),
        await endpoints.post("/userinfo", {"access_token": token}),
        await endpoints.send("GET", "/userinfo", headers=[("X-Authorization", f"Bearer {token}")]),
        await endpoints.send(
            "GET", "/userinfo", headers=[("Cookie", f"access_token={token}; Authorization=Bearer {token}")]
        ),
        await endpoints.send("GET", "/userinfo", headers=[("Proxy-Authorization", f"Bearer {token}")]),
    ]
    for reply in elsewhere:
        assert refused(reply, "invalid_token").status == 401
        assert "error" not in reply.headers["WWW-Authenticate"]
    for value in (
        token,
        f"Basic {token}",
        f"Bearer {token} x",
        f"Bearer {token},",
        f"Bearer {token[:-1]}",
        f"Bearer {token.upper()}",
        f'Bearer "{token}"',
        f"Bearer {held.refresh}",
        f"Bearer {held.code}",
        f"DPoP {token}",
        "Bearer " + "x" * 4000,
    ):
        reply = await endpoints.send("GET", "/userinfo", headers=[("Authorization", value)])
        assert refused(reply, "invalid_token").status == 401, value[:40]
    twice = [("Authorization", f"Bearer {token}")] * 2
    refused(await endpoints.send("GET", "/userinfo", headers=twice), "invalid_request")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await endpoints.send(method, "/userinfo", headers=twice[:1])).status == 405


async def test_no_parameter_may_be_there_twice(endpoints: Endpoints, held: Victim) -> None:
    for path, form in held.forms().items():
        good = urlencode(form)
        for name, value in form.items():
            encoded = "".join(f"%{byte:02X}" for byte in name.encode())
            for pollution in (
                f"{good}&{name}={quote(value, safe='')}",
                f"{name}=other&{good}",
                f"{good}&{name}=",
                f"{good}&{name}",
                f"{good}&{encoded}=other",
            ):
                refused(await endpoints.post(path, pollution.encode()), "invalid_request")
    asked = urlencode({"client_id": "rides", "request_uri": "urn:ietf:params:oauth:request_uri:x"})
    for path in VISITED:
        for query in (f"{asked}&client_id=library", f"{asked}&state=1&state=2", f"{asked}&%63lient_id=rides"):
            shown(await endpoints.send("GET", f"{path}?{query}"))
            shown(await endpoints.post(path, query.encode()))


async def test_ambiguous_encodings_are_refused(endpoints: Endpoints, held: Victim) -> None:
    for name, spoil in spoiled().items():
        for path in CALLED:
            reply = await endpoints.post(path, spoil(held.forms()[path]))
            assert refused(reply, *SPOILED).status in (400, 401), (name, path)


async def test_query_parameters_do_not_replace_form_fields(endpoints: Endpoints, held: Victim) -> None:
    for path, form in held.forms().items():
        refused(await endpoints.post(f"{path}?{urlencode(form)}", b""), "invalid_request", "invalid_client")
        for name in form:
            if name == "client_id":
                continue  # the assertion contains the same
            rest = {other: value for other, value in form.items() if other != name}
            query = urlencode({name: form[name]})
            if name in ("token", "code", "grant_type", "client_assertion", "client_assertion_type", "response_type"):
                refused(await endpoints.post(f"{path}?{query}", rest))


async def test_requests_that_are_too_large_are_refused(endpoints: Endpoints, held: Victim) -> None:
    for path, form in held.forms().items():
        padded = {**form, "padding": "x" * 33_000}
        assert refused(await endpoints.post(path, padded), "invalid_request").status == 413
        assert (await endpoints.post(path, urlencode(form).encode() + b"&x=" + b"x" * 900_000)).status == 413
        for name in ("code", "token", "client_assertion", "state", "nonce"):
            if name in form:
                refused(await endpoints.post(path, {**form, name: "x" * 20_000}), "invalid_request", "invalid_client")
    for path in VISITED:
        shown(await endpoints.post(path, {"client_id": "rides", "state": "x" * 33_000}), 413)
    long = await endpoints.send("GET", "/userinfo", headers=[("Authorization", "Bearer " + "x" * 7_000)])
    refused(long, "invalid_token")


async def test_credentials_are_presented_once_and_in_one_way(endpoints: Endpoints, held: Victim, stage: Stage) -> None:
    secret = (stage.folder / ".demo" / "secrets" / "library").read_text().strip()
    basic = ("Authorization", "Basic bGlicmFyeTp4")
    for path in CALLED:
        good = held.forms()[path]
        plain = {name: value for name, value in good.items() if not name.startswith("client_")}
        refused(await endpoints.post(path, good, basic), "invalid_request")
        refused(await endpoints.post(path, {**good, "client_secret": secret}), "invalid_request")
        refused(
            await endpoints.post(path, {**plain, "client_id": "library", "client_secret": secret}, basic),
            "invalid_request",
        )
        refused(await endpoints.post(path, plain, basic, basic), "invalid_request")
        for scheme in ("Bearer", "DPoP", "Negotiate", "Digest", "basic"):
            refused(await endpoints.post(path, plain, ("Authorization", f"{scheme} {held.access}")), "invalid_client")
        for other in ("library", "RIDES", "rides ", "land-register", "rides\n", "*"):
            refused(await endpoints.post(path, {**good, "client_id": other}), "invalid_client")
        refused(await endpoints.post(path, plain), "invalid_client")
        refused(await endpoints.post(path, {**plain, "client_id": "rides"}), "invalid_client")


async def test_an_assertion_is_for_one_use_and_for_us(endpoints: Endpoints, held: Victim) -> None:
    form = {"token": held.access, **held.service.assertion()}
    (await endpoints.post("/introspect", form)).expect()
    for path in CALLED:
        again = {name: form[name] for name in ("client_id", "client_assertion_type", "client_assertion")}
        refused(await endpoints.post(path, {**held.forms()[path], **again}), "invalid_client")
    for audience in (
        "https://evil.example",
        f"{endpoints.issuer}/",
        f"{endpoints.issuer}/userinfo",
        endpoints.issuer.upper(),
        "",
    ):
        stray = rides_at(held, audience)
        for path in CALLED:
            refused(await endpoints.post(path, {**held.forms()[path], **stray}), "invalid_client")


def rides_at(held: Victim, audience: str) -> dict[str, str]:
    """A client assertion of the victim's service for another audience."""
    service = held.service
    own, service.issuer = service.issuer, audience
    try:
        return service.assertion()
    finally:
        service.issuer = own


async def test_the_issuer_does_not_depend_on_headers(endpoints: Endpoints, held: Victim, stage: Stage) -> None:
    lies = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Forwarded", "host=evil.example;proto=http"),
        ("X-Original-URL", "/jwks"),
        ("X-Rewrite-URL", "/jwks"),
    ]
    for host in ([], [("Host", "evil.example")]):
        for path in ("/.well-known/openid-configuration", "/authorize?client_id=nobody", "/logout"):
            reply = await endpoints.send("GET", path, headers=[*lies, *host])
            assert b"evil.example" not in reply.body
            assert "evil.example" not in str(reply.headers)
        error = (await endpoints.send("GET", "/.well-known/openid-configuration", headers=[*lies, *host])).expect().json
        assert error["issuer"] == stage.issuer
        at_evil = rides(stage.folder, "http://evil.example").assertion()
        refused(await endpoints.post("/introspect", {"token": held.access, **at_evil}, *lies, *host), "invalid_client")


async def test_no_page_of_another_origin_may_read_an_answer(endpoints: Endpoints, held: Victim) -> None:
    """FAPI 2.0 Security Profile 5.2.3: no CORS at the authorization endpoint, nor elsewhere unless registered."""
    origin = ("Origin", "https://evil.example")
    asks = [
        origin,
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization, dpop"),
    ]
    for path in (*CALLED, *VISITED, "/userinfo", "/jwks", "/.well-known/openid-configuration"):
        for reply in (
            await endpoints.send("OPTIONS", path, headers=asks),
            await endpoints.send("GET", path, headers=[origin]),
            await endpoints.post(path, b"client_id=rides", origin),
        ):
            assert not [name for name in reply.headers if name.lower().startswith("access-control-")], path
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert reply.headers["Strict-Transport-Security"].startswith("max-age=")
    assert held.code


async def test_every_redirect_of_a_sign_in_is_303(stage: Stage, line: HttpSender) -> None:
    """303 and never 307, which would forward a form to another origin (RFC 9700 4.12)."""
    statuses: list[int] = []

    class Noting(HttpSender):
        async def send(
            self,
            method: str,
            url: str,
            form: Mapping[str, str] | None = None,
            headers: Mapping[str, str] | None = None,
        ) -> Reply:
            reply = await line.send(method, url, form, headers)
            if url.startswith(stage.issuer) and "Location" in reply.headers:
                statuses.append(reply.status)
            return reply

    await RawCitizen(Noting(None, 0), rides(stage.folder, stage.issuer)).code()  # type: ignore[arg-type]
    assert len(statuses) >= 4
    assert set(statuses) == {303}
