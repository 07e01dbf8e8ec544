"""Raw requests of an attacker to the protocol endpoints, and a victim whose sign-in must still succeed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import aiohttp
from multidict import CIMultiDict

from tests.e2e.raw_client import NORTHBANK, HttpSender, RawCitizen, Reply
from tests.e2e.relying_service import Service

FORM: Final = "application/x-www-form-urlencoded"
CALLED: Final = ("/par", "/token", "/introspect", "/revoke", "/ciba")
"""What services call with a form and their credentials."""

VISITED: Final = ("/authorize", "/logout")
"""Where a browser arrives."""

CLIENT_ERRORS: Final = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "invalid_token",
        "invalid_dpop_proof",
        "use_dpop_nonce",
        "unsupported_grant_type",
        "invalid_request_object",
        "registration_not_supported",
    }
)
"""Registered errors with which a call may be refused (RFC 6749 5.2, RFC 6750 3.1, RFC 9449 12.2, RFC 9126 2.3)."""

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The running door. Nothing is added to what a test sends, and nothing is followed."""

    issuer: str
    session: aiohttp.ClientSession

    async def send(self, method: str, path: str, body: bytes | None = None, headers: Headers = ()) -> Reply:
        """One request, to the letter."""
        async with self.session.request(
            method,
            self.issuer + path,
            data=body,
            headers=CIMultiDict(headers),
            skip_auto_headers=("Content-Type", "User-Agent", "Accept"),
            allow_redirects=False,
        ) as response:
            return Reply(response.status, response.headers, await response.read(), 0)

    async def post(self, path: str, body: bytes | Mapping[str, str], *more: tuple[str, str]) -> Reply:
        """A form, or bytes that are sent as one."""
        written = body if isinstance(body, bytes) else urlencode(body).encode()
        return await self.send("POST", path, written, [("Content-Type", FORM), *more])


def refused(reply: Reply, *errors: str) -> Reply:
    """Checks an error response: status 4xx, JSON with a registered error code, `no-store`. Returns it."""
    assert 400 <= reply.status < 500, (reply.status, reply.body[:300])
    assert reply.headers["Content-Type"] == "application/json", (reply.status, reply.headers)
    assert reply.headers["Cache-Control"] == "no-store"
    assert set(reply.json) <= {"error", "error_description", "error_uri"}, reply.json
    assert reply.json["error"] in (errors or CLIENT_ERRORS), reply.json
    return reply


def shown(reply: Reply, status: int = 400) -> Reply:
    """A refusal on a page: it leads nowhere by itself and sets no cookie."""
    assert reply.status == status, (reply.status, reply.body[:300])
    assert reply.headers["Content-Type"].startswith("text/html")
    assert "Location" not in reply.headers
    assert "Refresh" not in reply.headers
    assert "Set-Cookie" not in reply.headers
    return reply


@dataclass(slots=True)
class Victim:
    """A signed-in citizen whose service holds tokens and, from a second sign-in, an unredeemed code."""

    raw_citizen: RawCitizen
    access: str
    refresh: str
    code: str

    @property
    def service(self) -> Service:
        """The service."""
        return self.raw_citizen.service

    def forms(self) -> dict[str, dict[str, str]]:
        """Valid forms for each endpoint, except that the `login_hint` `nobody` matches no citizen."""
        pushed = {
            "response_type": "code",
            "redirect_uri": self.service.redirect_uri,
            "scope": "openid",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return {
            "/par": {**pushed, **self.service.assertion()},
            "/token": self.raw_citizen.exchange(self.code),
            "/introspect": {"token": self.access, **self.service.assertion()},
            "/revoke": {"token": self.refresh, **self.service.assertion()},
            "/ciba": {"scope": "openid", "login_hint": "nobody", **self.service.assertion()},
        }

    async def goes_on(self) -> None:
        """Nothing was disturbed: the code is good, and so are the tokens of before and those of now."""
        tokens = (await self.raw_citizen.redeem(self.code)).expect().json
        for access in (tokens["access_token"], self.access):
            (await self.raw_citizen.userinfo(access)).expect()
        for refresh in (tokens["refresh_token"], self.refresh):
            (await self.raw_citizen.refresh(refresh)).expect()
        assert (await self.raw_citizen.introspect(self.access)).expect().json["active"] is True
        await self.raw_citizen.begin()


async def victim(http_sender: HttpSender, service: Service) -> Victim:
    """Signs in twice: tokens of the first time, a code of the second."""
    raw_citizen = RawCitizen(http_sender, service)
    tokens = (await raw_citizen.redeem(await raw_citizen.code(NORTHBANK))).expect().json
    second = RawCitizen(http_sender, service)
    return Victim(second, tokens["access_token"], tokens["refresh_token"], await second.code(NORTHBANK))


Spoiled = Callable[[Mapping[str, str]], bytes]
"""Makes a body of a good form that must not be taken."""


def spoiled() -> Mapping[str, Spoiled]:
    """Bodies in which what is read could be read in two ways, or is not there."""

    def ending(value: bytes) -> Spoiled:
        """The form with another `client_id`, which every endpoint reads."""
        return lambda form: (
            urlencode({name: said for name, said in form.items() if name != "client_id"}).encode()
            + b"&client_id="
            + value
        )

    return {
        "separated by semicolons": lambda form: urlencode(form).replace("&", ";").encode(),
        "a byte that is no text": ending(b"%ff"),
        "a raw byte that is no text": ending(b"\xff"),
        "an overlong slash": ending(b"%c0%af"),
        "half a surrogate": ending(b"%ed%a0%80"),
        "NUL": ending(b"rides%00"),
        "a raw NUL": ending(b"rides\0"),
        "a stray percent": ending(b"100%"),
        "array parameters": lambda form: urlencode({f"{name}[]": value for name, value in form.items()}).encode(),
        "names in capitals": lambda form: urlencode({name.upper(): value for name, value in form.items()}).encode(),
        "names with a space": lambda form: urlencode({f" {name}": value for name, value in form.items()}).encode(),
        "encoded twice": lambda form: urlencode({"x": urlencode(form)}).encode(),
        "nothing": lambda _form: b"",
        "JSON": lambda _form: b'{"client_id":"rides"}',
    }


UNREAD: Final[Mapping[str, bytes]] = {
    "several resources": b"resource=https%3A%2F%2Fa.test&resource=https%3A%2F%2Fb.test",
    "a repeated one": b"x=1&x=2",
    "a semicolon before a second value": b"x=1;client_id=other&x=2",
    "a byte that is no text": b"x=%ff",
    "Latin-1": b"x=caf\xe9",
    "an overlong slash": b"x=%c0%af",
    "half a surrogate": b"x=%ed%a0%80",
    "NUL": b"x=%00",
    "a raw NUL": b"x=\0",
    "a stray percent": b"x=100%",
    "a name that is no text": b"%ff=1",
    "very many": b"&".join(b"x%d=1" % number for number in range(1000)),
}
"""Parameters that no endpoint reads: they are ignored, whatever they hold (RFC 6749 3.1, 3.2, RFC 8707 2)."""
