"""A service gets one response for each request, however often a form or token request is repeated (both databases)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack

import pytest

from broker.actions.browser import Browser
from broker.model.handle import sha256_hex
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import Forms, HttpSender, RawCitizen, Reply, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, rides
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.store

MANY = 50


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> AsyncIterator[Stage]:
    """The whole product, with a service that may request refresh tokens."""
    edits = {}
    with ExitStack() as held:
        if request.param == "postgresql":
            url = held.enter_context(postgres_server.database())
            edits = {"broker.toml": {"sqlite:../.demo/facts.db": url}}
        script = Script(edits=edits, files={"services/rides.toml": RIDES_SERVICE})
        async with staged(tmp_path_factory.mktemp("answers"), script) as running:
            yield running


@pytest.fixture
async def line() -> AsyncIterator[HttpSender]:
    """A way to send, many at a time."""
    async with http_sender() as sending:
        yield sending


@pytest.fixture
def raw_citizen(stage: Stage, line: HttpSender) -> RawCitizen:
    """A citizen with a fresh browser who signs in at the service."""
    return RawCitizen(line, rides(stage.folder, stage.issuer))


async def test_of_fifty_redemptions_of_one_code_at_the_same_moment_one_succeeds_or_none(
    raw_citizen: RawCitizen,
) -> None:
    code = await raw_citizen.code()
    forms = [raw_citizen.exchange(code) for _ in range(MANY)]
    replies = await asyncio.gather(*(raw_citizen.call("/token", form) for form in forms))
    good = [reply for reply in replies if reply.status == 200]
    assert len(good) <= 1
    assert [(reply.status, reply.json["error"]) for reply in replies if reply not in good] == [
        (400, "invalid_grant")
    ] * (MANY - len(good))
    # all the others were replays: what was issued is revoked
    for reply in good:
        assert (await raw_citizen.userinfo(reply.json["access_token"])).status == 401
    assert (await raw_citizen.redeem(code)).json["error"] == "invalid_grant"


async def test_a_code_that_comes_a_second_time_takes_its_tokens_along(raw_citizen: RawCitizen) -> None:
    await raw_citizen.begin(scope="openid profile offline_access")
    await raw_citizen.return_()
    (await raw_citizen.share()).expect(303)
    code = await raw_citizen.collect()
    tokens = (await raw_citizen.redeem(code)).expect().json
    (await raw_citizen.userinfo(tokens["access_token"])).expect()
    again = (await raw_citizen.refresh(tokens["refresh_token"])).expect().json
    assert (await raw_citizen.redeem(code)).json["error"] == "invalid_grant"
    for token in (tokens["access_token"], again["access_token"]):
        assert (await raw_citizen.userinfo(token)).status == 401
    assert (await raw_citizen.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"


async def test_a_redemption_that_does_not_fit_the_request_fails_and_uses_nothing_up(raw_citizen: RawCitizen) -> None:
    code = await raw_citizen.code()
    wrong = {**raw_citizen.exchange(code), "code_verifier": "x" * 43}
    assert (await raw_citizen.call("/token", wrong)).json["error"] == "invalid_grant"
    elsewhere = {**raw_citizen.exchange(code), "redirect_uri": "http://localhost:9/elsewhere"}
    assert (await raw_citizen.call("/token", elsewhere)).json["error"] == "invalid_grant"
    tokens = (await raw_citizen.redeem(code)).expect().json
    (await raw_citizen.userinfo(tokens["access_token"])).expect()


async def pressed(raw_citizen: RawCitizen, times: int) -> Sequence[Reply]:
    """The citizen agrees on one page, so many times at once."""
    asked = (await raw_citizen.visit(raw_citizen.page)).expect()
    fields = {**Forms(asked.body).found[f"{raw_citizen.page}/share"], "agree": "yes"}
    return await asyncio.gather(*(raw_citizen.submit(f"{raw_citizen.page}/share", fields) for _ in range(times)))


async def test_two_concurrent_consents_return_the_same_valid_code(raw_citizen: RawCitizen, stage: Stage) -> None:
    await raw_citizen.begin()
    await raw_citizen.return_()
    replies = await pressed(raw_citizen, 5)
    assert {(reply.status, reply.location) for reply in replies} == {(303, raw_citizen.page)}
    code = await raw_citizen.collect()
    kept = await stage.parts.connections.sql_stores.grants.code(sha256_hex(code))
    assert kept is not None
    assert not kept.redeemed
    transaction = await stage.parts.connections.ephemeral_stores.transactions.load(raw_citizen.page.rpartition("/")[2])
    rows = [
        row for _, row in await stage.parts.connections.sql_stores.audit.read(0, 1000) if row.kind == "service_answered"
    ]
    assert transaction is not None
    assert [row.transaction for row in rows].count(transaction.id) == 1
    (await raw_citizen.redeem(code)).expect()
    # consenting after that sends no second response and revokes nothing
    assert {reply.status for reply in await pressed_blindly(raw_citizen)} == {303}
    kept = await stage.parts.connections.sql_stores.grants.code(sha256_hex(code))
    assert kept is not None
    assert kept.redeemed


async def pressed_blindly(raw_citizen: RawCitizen) -> Sequence[Reply]:
    """The citizen agrees on a page that is still open in another tab."""
    leaving = (await raw_citizen.visit(raw_citizen.page)).expect()
    token = next((fields["token"] for fields in Forms(leaving.body).found.values() if "token" in fields), "")
    return [await raw_citizen.submit(f"{raw_citizen.page}/share", {"token": token, "agree": "yes"})]


async def test_two_tabs_that_agree_one_after_the_other_hold_at_most_one_live_code(raw_citizen: RawCitizen) -> None:
    await raw_citizen.begin()
    await raw_citizen.return_()
    asked = (await raw_citizen.visit(raw_citizen.page)).expect()
    fields = {**Forms(asked.body).found[f"{raw_citizen.page}/share"], "agree": "yes"}
    codes = []
    for _ in range(2):
        (await raw_citizen.submit(f"{raw_citizen.page}/share", fields)).expect(303)
        raw_citizen.jar = raw_citizen.jar.copy()
        shown = (await raw_citizen.visit(raw_citizen.page)).expect()
        codes.append(shown.headers.get("Refresh", ""))
    # the second tab shows the same redirect, and does not leave by itself
    assert "code=" in codes[0]
    assert codes[1] == ""


async def test_a_sign_in_brings_the_browser_a_new_secret_and_tabs_from_before_keep_their_place(
    raw_citizen: RawCitizen, stage: Stage, line: HttpSender
) -> None:
    older = RawCitizen(line, raw_citizen.service, jar=raw_citizen.jar)
    await raw_citizen.begin()
    await older.begin()
    before = secrets_of(raw_citizen)
    await raw_citizen.return_()
    (await raw_citizen.share()).expect(303)
    after = secrets_of(raw_citizen)
    assert after[1:] == before
    assert after[0] not in before
    # the older tab, begun under the older secret
    await older.return_()
    (await older.share()).expect(303)
    assert len(secrets_of(raw_citizen)) == 3
    # a new transaction is bound to the newest secret alone: the holder of the one before cannot open it
    newer = RawCitizen(line, raw_citizen.service, jar=raw_citizen.jar)
    await newer.begin()
    stored = await stage.parts.connections.ephemeral_stores.transactions.load(newer.page.rpartition("/")[2])
    assert stored is not None
    assert Browser((secrets_of(raw_citizen)[0],)).holds(stored.browser)
    assert not Browser(tuple(secrets_of(raw_citizen)[1:])).holds(stored.browser)


async def test_a_browser_keeps_no_more_than_four_secrets(raw_citizen: RawCitizen, line: HttpSender) -> None:
    for _ in range(5):
        tab = RawCitizen(line, raw_citizen.service, jar=raw_citizen.jar)
        await tab.begin(prompt="consent login")
        await tab.return_()
        (await tab.share()).expect(303)
    assert len(secrets_of(raw_citizen)) == 4
    assert len(set(secrets_of(raw_citizen))) == 4


def secrets_of(raw_citizen: RawCitizen) -> list[str]:
    """The browser's secrets, the newest first."""
    pairs = dict(pair.split("=", 1) for pair in raw_citizen.jar.line("/")["Cookie"].split("; "))
    return pairs["__Host-portico-browser"].split(".")


async def test_a_pushed_request_is_answered_in_one_transaction_only(raw_citizen: RawCitizen, line: HttpSender) -> None:
    await raw_citizen.begin()
    twin = RawCitizen(
        line,
        raw_citizen.service,
        verifier=raw_citizen.verifier,
        state=raw_citizen.state,
        request_uri=raw_citizen.request_uri,
    )
    (await twin.authorize()).expect(303)
    for one in (raw_citizen, twin):
        await one.return_()
    (await raw_citizen.share()).expect(303)
    code = await raw_citizen.collect()
    (await twin.share()).expect(303)
    shown = await twin.visit(twin.page)
    assert "code=" not in shown.headers.get("Refresh", "")
    (await raw_citizen.redeem(code)).expect()
