"""Checks of the identity that comes out, and of how its session ends."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from broker.model.identity import Identity
from broker.model.session import UpstreamLogout
from broker.provider import LogoutRedirect, ProviderFailure, ProviderFailureReason
from providers.simulator.national import PEOPLE, Answer
from tests.unit.providers.presets.exchange import Call, Exchange, send
from tests.unit.providers.presets.fact_checks.exchanged import id_token_of, part
from tests.unit.providers.presets.fact_checks.registry import about


@about("claims")
async def _claims(here: Exchange, value: Mapping[str, str]) -> None:
    identity = await here.sign_in(level=here.entry.card.max_level)
    assert isinstance(identity, Identity), identity
    assert set(identity.claims) <= set(value) | {"name", "given_name", "family_name", "email_verified", "acting_for"}
    mapped = {ours for ours in value if ours in here.entry.config.claim_map}
    assert mapped, "the preset maps no claim of the facts"
    for ours in mapped & {"name", "given_name", "family_name", "birthdate"}:
        expected = {
            "name": "Amina Hughes",
            "given_name": "Amina",
            "family_name": "Hughes",
            "birthdate": "1987-04-12",
        }
        assert identity.claims[ours] == expected[ours]


@about("subject")
async def _subject(here: Exchange, value: Mapping[str, Any]) -> None:
    identity = await here.sign_in()
    assert isinstance(identity, Identity), identity
    if "claim" not in value:
        assert (await id_token_of(here))["sub"].strip("{}") == identity.subject.strip("{}")
    example = value.get("example", "")
    if example.isdigit():
        assert identity.subject.isdigit()
        assert len(identity.subject) == len(example)
    elif not example[:8].isalnum() or example[:2].isupper():
        assert identity.subject.startswith(example[: 20 if ":" in example else 2 if example[:2].isupper() else 0])


@about("acting")
async def _acting(here: Exchange, value: list[str]) -> None:
    person = next(one for one in PEOPLE if one.for_entity)
    outcome = await here.sign_in(Answer(person=person))
    if here.entry.config.acting.id is None:
        assert isinstance(outcome, ProviderFailure)
        assert outcome.reason in (ProviderFailureReason.UNSAFE, ProviderFailureReason.NOT_VERIFIED), value
    else:
        assert isinstance(outcome, Identity), outcome
        assert outcome.act is not None
        assert outcome.act.id == person.for_entity
        assert outcome.subject != (await id_token_of(here))["sub"]


@about("logout")
async def _logout(here: Exchange, value: Mapping[str, Any]) -> None:
    identity = await here.sign_in()
    assert isinstance(identity, Identity), identity
    parting = LogoutRedirect("s" * 32, "https://broker.example/signed-out", "en", identity.subject, identity.id_token)
    found = await here.provider.end_session(parting)
    if value["kind"] in ("none", "revoke"):
        assert found is None
        return
    assert found is not None
    said = (value.get("must_call", False), value.get("may_not_return", False))
    assert (found.must_call, found.may_not_return) == said
    url, query = found.url, parse_qs(urlsplit(found.url).query)
    assert query["post_logout_redirect_uri"] == ["https://broker.example/signed-out"]
    assert value["hint"] in (*query, "none")
    response = await send(here.wire.app, Call("GET", url, {}, {}))
    back = "https://broker.example/signed-out"
    if here.entry.config.logout.frontchannel:
        assert f'href="{back}' in response.body.decode()
    else:
        assert response.status == 303
        assert response.headers["location"].startswith(back)


async def _is_framed(here: Exchange, identity: Identity) -> None:
    """The page after a logout shows the broker's address with the session in which the person signed in."""
    parting = LogoutRedirect("s" * 32, "https://broker.example/signed-out", "en", identity.subject, identity.id_token)
    target = await here.provider.end_session(parting)
    assert target is not None
    shown = await send(here.wire.app, Call("GET", target.url, {}, {}))
    found = re.search(r'<iframe title="[^"]*" src="([^"]*)"', shown.body.decode())
    assert found is not None
    framed = urlsplit(unescape(found[1]))
    assert framed.path == f"/providers/{here.entry.id}/frontchannel-logout"
    assert parse_qs(framed.query) == {"iss": [identity.issuer], "sid": [identity.upstream_sid]}
    frames = here.provider.logout_frames
    assert frames is not None
    assert frames.issuer == identity.issuer
    assert f"https://{urlsplit(target.url).hostname}" in frames.pages or frames.pages == (identity.issuer,)


@about("logout.received")
async def _logout_received(here: Exchange, value: Mapping[str, Any]) -> None:
    logout = here.entry.config.logout
    assert (logout.backchannel, logout.frontchannel) == (value["backchannel"], value.get("frontchannel", False))
    identity = await here.sign_in()
    assert isinstance(identity, Identity), identity
    if logout.frontchannel:
        await _is_framed(here, identity)
    sent = await send(here.wire.app, Call("POST", f"https://_logout-token/{here.entry.id}", {}, {"person": "amina"}))
    assert (sent.status == 200) == value["backchannel"]
    if value["backchannel"]:
        claims = part(sent.body.decode(), 1)
        assert ("sid" in claims) == value.get("sid", False)
        assert claims["exp"] - claims["iat"] == value.get("seconds", claims["exp"] - claims["iat"])
        found = await here.provider.read_logout(sent.body.decode())
        assert isinstance(found, UpstreamLogout), found
        assert (found.issuer, found.subject) == (identity.issuer, identity.subject)
        if found.sid is not None:
            known = "sid" in here.simulated.dialect.words("id_token.claims")
            assert identity.upstream_sid == (found.sid if known else None)
        form = {"person": "amina", "without": "sub"}
        alone = await send(here.wire.app, Call("POST", f"https://_logout-token/{here.entry.id}", {}, form))
        found = await here.provider.read_logout(alone.body.decode())
        assert isinstance(found, UpstreamLogout) == value.get("sid", False), found
