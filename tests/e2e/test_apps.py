"""Apps on citizens' own devices: they prove nothing but that they hold a key; a refresh token is good for one use."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.app_harness import Ahead, Script, Stage, staged
from tests.e2e.raw_client import HttpSender, RawCitizen, http_sender
from tests.e2e.relying_service import Service

DAY = 24 * 3600
CALLBACK = "http://127.0.0.1:49152/callback"
"""With whatever port was free: the registered address has none."""

APP = """
names = { en = "Tides", cy = "Llanw" }
home = "https://tides.example/"
redirect_uris = ["http://127.0.0.1/callback", "example.tides:/callback"]
profile = "oidc"
authentication = "none"
sector = "tides.example"
level = "low"
scopes = ["openid", "profile"]
refresh = true
contact = "Tides, 01632 960 902"
claims = [{ claim = "name", reason = { en = "To address you", cy = "I'ch cyfarch" } }]
"""
PUBLIC = APP.replace('sector = "tides.example"', 'subject_type = "public"')
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
PUSHED = {
    "client_id": "tides",
    "response_type": "code",
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "code_challenge_method": "S256",
}
FILES = {"services/tides.toml": APP, "services/charts.toml": PUBLIC, "services/buoys.toml": PUBLIC}


def new_key() -> str:
    """A key that an app made for itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@dataclass(slots=True)
class App(Service):
    """An app: its id, and proofs of its key."""

    def assertion(self) -> dict[str, str]:
        """Its id."""
        return {"client_id": self.client_id}


def app(stage: Stage, now: Callable[[], float], client_id: str = "tides", callback: str = CALLBACK) -> App:
    """An app that was just installed."""
    return App(client_id, stage.issuer, callback, new_key(), "", bound=True, now=now)


@dataclass(frozen=True, slots=True)
class Shore:
    """The stage, its clock, and a way to send."""

    stage: Stage
    ahead: Ahead
    http_sender: HttpSender

    def raw_citizen(self, client_id: str = "tides", callback: str = CALLBACK) -> RawCitizen:
        """A citizen who signs in with a newly installed app."""
        return RawCitizen(self.http_sender, app(self.stage, self.ahead.now, client_id, callback))


@pytest.fixture(scope="module")
async def shore(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shore]:
    """Everything, with apps registered."""
    ahead = Ahead()
    async with (
        staged(tmp_path_factory.mktemp("shore"), Script(files=FILES), ahead.system) as stage,
        http_sender() as way,
    ):
        yield Shore(stage, ahead, way)


async def signed_in(raw_citizen: RawCitizen) -> dict[str, str]:
    """The tokens of a whole sign-in."""
    tokens: dict[str, str] = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
    return tokens


async def kinds(shore: Shore) -> list[str]:
    """The audit rows so far, by kind."""
    return [event.kind for _, event in await shore.stage.parts.connections.sql_stores.audit.read(0, 10_000)]


@pytest.mark.parametrize("callback", [CALLBACK, "http://127.0.0.1/callback", "example.tides:/callback"])
async def test_an_app_completes_a_sign_in(shore: Shore, callback: str) -> None:
    raw_citizen = shore.raw_citizen(callback=callback)
    tokens = await signed_in(raw_citizen)
    assert tokens["token_type"] == "DPoP"
    assert (await raw_citizen.userinfo(tokens["access_token"])).expect().json["name"] == "Amina Hughes"


async def test_a_code_on_its_way_is_of_no_use_to_another_app_on_the_device(shore: Shore) -> None:
    raw_citizen, thief = shore.raw_citizen(), shore.raw_citizen()
    code = await raw_citizen.code()
    assert (await thief.redeem(code)).json["error"] == "invalid_grant"
    thief.verifier = raw_citizen.verifier
    assert (await thief.redeem(code)).json["error"] == "invalid_grant"
    (await raw_citizen.redeem(code)).expect()


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": "", "code_challenge_method": ""},
        {"redirect_uri": "http://127.0.0.1:49152/elsewhere"},
        {"redirect_uri": "http://localhost:49152/callback"},
    ],
)
async def test_an_app_always_uses_pkce_and_its_own_address(shore: Shore, changes: dict[str, str]) -> None:
    reply = await shore.raw_citizen().call("/par", PUSHED | {"code_challenge": CHALLENGE} | changes)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    (await shore.raw_citizen().call("/par", PUSHED | {"code_challenge": CHALLENGE})).expect(201)


async def test_in_the_browser_s_address_an_app_must_use_pkce_too(shore: Shore) -> None:
    asked = {name: value for name, value in PUSHED.items() if name != "code_challenge_method"}
    reply = await shore.raw_citizen().visit(f"/authorize?{urlencode(asked)}")
    assert reply.location.startswith(f"{CALLBACK}?error=invalid_request")


async def test_without_a_proof_of_its_key_an_app_is_given_nothing(shore: Shore) -> None:
    raw_citizen = shore.raw_citizen()
    code = await raw_citizen.code()
    reply = await shore.http_sender.send("POST", f"{shore.stage.issuer}/token", raw_citizen.exchange(code))
    assert (reply.status, reply.json["error"]) == (400, "invalid_dpop_proof")


async def test_every_refresh_brings_a_new_refresh_token(shore: Shore) -> None:
    raw_citizen = shore.raw_citizen()
    held = await signed_in(raw_citizen)
    for _ in range(3):
        fresh = (await raw_citizen.refresh(held["refresh_token"])).expect().json
        assert fresh["refresh_token"] != held["refresh_token"]
        (await raw_citizen.userinfo(fresh["access_token"])).expect()
        held = fresh


async def test_a_refresh_token_that_comes_again_ends_everything_issued_with_it(shore: Shore) -> None:
    raw_citizen = shore.raw_citizen()
    first = await signed_in(raw_citizen)
    second = (await raw_citizen.refresh(first["refresh_token"])).expect().json
    before = (await kinds(shore)).count("refresh_token_replayed")
    assert (await raw_citizen.refresh(first["refresh_token"])).json["error"] == "invalid_grant"
    for token in (first["access_token"], second["access_token"]):
        (await raw_citizen.userinfo(token)).expect(401)
    assert (await raw_citizen.refresh(second["refresh_token"])).json["error"] == "invalid_grant"
    assert (await kinds(shore)).count("refresh_token_replayed") == before + 1


async def test_of_several_refreshes_at_once_one_succeeds_and_ends_with_the_others(shore: Shore) -> None:
    raw_citizen = shore.raw_citizen()
    held = await signed_in(raw_citizen)
    replies = await asyncio.gather(*(raw_citizen.refresh(held["refresh_token"]) for _ in range(5)))
    given = [reply.json for reply in replies if reply.status == 200]
    assert len(given) == 1
    assert {reply.json["error"] for reply in replies if reply.status != 200} == {"invalid_grant"}
    (await raw_citizen.userinfo(given[0]["access_token"])).expect(401)
    assert (await raw_citizen.refresh(given[0]["refresh_token"])).json["error"] == "invalid_grant"


async def test_a_stolen_refresh_token_is_refused_with_another_key_and_revokes_nothing(shore: Shore) -> None:
    raw_citizen, thief = shore.raw_citizen(), shore.raw_citizen()
    held = await signed_in(raw_citizen)
    assert (await thief.refresh(held["refresh_token"])).json["error"] == "invalid_grant"
    (await raw_citizen.refresh(held["refresh_token"])).expect()


async def test_using_a_refresh_token_does_not_make_the_sign_in_live_longer(shore: Shore) -> None:
    raw_citizen = shore.raw_citizen()
    held = await signed_in(raw_citizen)
    for _ in range(2):
        shore.ahead.advance(14 * DAY)
        raw_citizen.service.nonce = ""
        held = (await raw_citizen.refresh(held["refresh_token"])).expect().json
    shore.ahead.advance(3 * DAY)
    assert (await raw_citizen.refresh(held["refresh_token"])).json["error"] == "invalid_grant"


async def test_an_app_may_revoke_what_is_its_own_and_ask_about_nothing(shore: Shore) -> None:
    raw_citizen = shore.raw_citizen()
    held = await signed_in(raw_citizen)
    reply = await raw_citizen.introspect(held["access_token"])
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    other = await shore.http_sender.send(
        "POST", f"{shore.stage.issuer}/revoke", {"client_id": "charts", "token": held["refresh_token"]}
    )
    assert other.status == 200
    (await raw_citizen.userinfo(held["access_token"])).expect()
    (await raw_citizen.call("/revoke", {"client_id": "tides", "token": held["refresh_token"]})).expect()
    (await raw_citizen.userinfo(held["access_token"])).expect(401)


async def test_public_subjects_are_the_same_at_all_services_that_have_them_and_pairwise_ones_at_none(
    shore: Shore,
) -> None:
    subjects = []
    for client_id in ("charts", "buoys", "tides"):
        tokens = await signed_in(shore.raw_citizen(client_id))
        subjects.append(jwt.decode(tokens["id_token"], options={"verify_signature": False})["sub"])
    assert subjects[0] == subjects[1] != subjects[2]


async def test_the_metadata_says_what_apps_may_do(shore: Shore) -> None:
    found = (
        (await shore.http_sender.send("GET", f"{shore.stage.issuer}/.well-known/openid-configuration")).expect().json
    )
    assert found["subject_types_supported"] == ["pairwise", "public"]
    assert "none" in found["token_endpoint_auth_methods_supported"]
    assert "none" not in found["introspection_endpoint_auth_methods_supported"]
