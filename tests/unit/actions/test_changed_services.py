"""A service's file changes while citizens are under way: what is registered now counts, at every step."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from broker.crypto.jose import Certificate, KeySet, SigningKey, load_signing_key, new_signing_key_pem
from broker.crypto.jwe import load_decryption_key, new_decryption_key_pem
from broker.model.service import CibaDeliveryMode, ClientAuthentication, Service
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import NORTHBANK, Forms, HttpSender, RawCitizen, Reply, http_sender
from tests.e2e.relying_service import RIDES, RIDES_SERVICE, rides
from tests.support.key_server import KeyServer, jwks_bytes
from tests.support.services import change_service

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The whole product."""
    script = Script(files={"services/rides.toml": RIDES_SERVICE})
    async with staged(tmp_path_factory.mktemp("changed"), script) as running:
        yield running


@pytest.fixture(autouse=True)
def as_before(stage: Stage) -> None:
    """Every test begins with the services of the files."""
    take(stage, stage.parts.settings.services)


@pytest.fixture
async def line() -> AsyncIterator[HttpSender]:
    """A way to send."""
    async with http_sender() as sending:
        yield sending


@pytest.fixture
def raw_citizen(stage: Stage, line: HttpSender) -> RawCitizen:
    """A citizen with a fresh browser who signs in at the service."""
    return RawCitizen(line, rides(stage.folder, stage.issuer))


def take(stage: Stage, services: Mapping[str, Service]) -> None:
    """From now on these are the services."""
    settings = replace(stage.parts.settings, services=services)
    registry = stage.parts.configuration.registry
    registry.replace_all(settings, registry.prepare(settings))


def without(stage: Stage) -> None:
    """The service `rides` is taken out."""
    take(stage, {client_id: one for client_id, one in stage.parts.settings.services.items() if client_id != RIDES})


def moved(stage: Stage) -> None:
    """The service `rides` takes answers elsewhere."""
    services = stage.parts.settings.services
    elsewhere = change_service(services[RIDES], redirect_uris=("http://localhost:9/rides/elsewhere",))
    take(stage, {**services, RIDES: elsewhere})


async def test_a_service_that_was_taken_out_is_as_good_as_turned_off(
    raw_citizen: RawCitizen, stage: Stage, line: HttpSender
) -> None:
    choosing, agreeing, pushed, late = (RawCitizen(line, raw_citizen.service) for _ in range(4))
    tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
    code = await late.code()
    await choosing.begin()
    await agreeing.begin()
    await agreeing.return_()
    agreement = Forms((await agreeing.visit(agreeing.page)).expect().body).found[f"{agreeing.page}/share"]
    (await pushed.push()).expect(201)
    without(stage)
    assert (await late.redeem(code)).json["error"] == "invalid_client"
    assert (await raw_citizen.refresh(tokens["refresh_token"])).json["error"] == "invalid_client"
    assert (await raw_citizen.userinfo(tokens["access_token"])).status == 401
    assert (await RawCitizen(line, raw_citizen.service).push()).json["error"] == "invalid_client"
    assert (await pushed.authorize()).status == 400
    assert f"{choosing.page}/choose" not in Forms((await choosing.visit(choosing.page)).body).found
    await agreeing.submit(f"{agreeing.page}/share", {**agreement, "agree": "yes"})
    assert "Refresh" not in (await agreeing.visit(agreeing.page)).headers
    # the service comes back, and all sign-ins continue
    take(stage, stage.parts.settings.services)
    (await late.redeem(code)).expect()
    (await raw_citizen.userinfo(tokens["access_token"])).expect()
    await choosing.return_(NORTHBANK)
    (await choosing.share()).expect(303)
    assert await choosing.collect()


async def test_no_answer_goes_to_an_address_that_was_taken_out(
    raw_citizen: RawCitizen, stage: Stage, line: HttpSender
) -> None:
    answered, refusing, agreeing, choosing = (RawCitizen(line, raw_citizen.service) for _ in range(4))
    for one in (answered, refusing, agreeing, choosing):
        await one.begin()
    for one in (answered, refusing, agreeing):
        await one.return_()
    (await answered.share()).expect(303)
    (await refusing.share("no")).expect(303)
    agreement = Forms((await agreeing.visit(agreeing.page)).expect().body).found[f"{agreeing.page}/share"]
    moved(stage)
    await agreeing.submit(f"{agreeing.page}/share", {**agreement, "agree": "yes"})
    gone = "/rides/callback"
    for one in (answered, refusing, agreeing, choosing):
        shown = (await one.visit(one.page)).expect()
        assert gone not in shown.headers.get("Refresh", "")
        assert gone not in shown.body.decode()
        assert f"{one.page}/choose" not in Forms(shown.body).found
    # there is a way on all the same: the service's home
    assert "http://localhost:" in (await answered.visit(answered.page)).body.decode()


async def test_a_citizen_who_gives_up_after_that_is_sent_to_the_home_page(
    raw_citizen: RawCitizen, stage: Stage
) -> None:
    await raw_citizen.begin()
    forms = Forms((await raw_citizen.visit(raw_citizen.page)).expect().body).found
    [leave] = [path for path in forms if path.endswith("/give-up")]
    moved(stage)
    (await raw_citizen.submit(leave, forms[leave])).expect(303)
    home = stage.parts.settings.services[RIDES].presentation.home
    assert (await raw_citizen.leave()).startswith(home)


async def test_a_pushed_request_whose_address_was_taken_out_is_not_begun(raw_citizen: RawCitizen, stage: Stage) -> None:
    (await raw_citizen.push()).expect(201)
    moved(stage)
    await raw_citizen.authorize()
    shown = (await raw_citizen.visit(raw_citizen.page)).expect() if raw_citizen.page else None
    assert shown is None or f"{raw_citizen.page}/choose" not in Forms(shown.body).found


async def test_an_error_is_not_sent_to_an_address_that_was_taken_out(raw_citizen: RawCitizen, stage: Stage) -> None:
    (await raw_citizen.push(prompt="none")).expect(201)
    moved(stage)
    reply = await raw_citizen.authorize()
    assert reply.status == 303
    assert reply.location.startswith(stage.parts.settings.services[RIDES].presentation.home)


async def test_the_discovery_document_says_what_the_services_of_now_may_use(stage: Stage, line: HttpSender) -> None:
    async def announced() -> dict[str, object]:
        return (await line.send("GET", f"{stage.issuer}/.well-known/openid-configuration")).expect().json

    before = await announced()
    assert "refresh_token" in str(before["grant_types_supported"])
    services = stage.parts.settings.services
    take(stage, {client_id: change_service(one, refresh=False, claims=()) for client_id, one in services.items()})
    after = await announced()
    assert "refresh_token" not in str(after["grant_types_supported"])
    assert "birthdate" in before["claims_supported"]
    assert "birthdate" not in after["claims_supported"]


async def test_a_provider_that_was_taken_out_while_a_citizen_is_there_is_named_on_a_page_with_other_ways(
    raw_citizen: RawCitizen, stage: Stage, line: HttpSender
) -> None:
    back, waiting = raw_citizen, RawCitizen(line, raw_citizen.service)
    for one in (back, waiting):
        await one.begin()
        (await one.choose(NORTHBANK)).expect(303)
    returning = await back.away()
    settings = stage.parts.settings
    providers = {name: one for name, one in settings.providers.items() if name != NORTHBANK}
    registry = stage.parts.configuration.registry
    remaining = replace(settings, providers=providers)
    registry.replace_all(remaining, registry.prepare(remaining))
    (await back.visit(returning)).expect(303)
    for one in (back, waiting):
        page = (await one.visit(one.page)).expect().body.decode()
        assert "You can no longer use the organisation you chose here" in page
        assert f"{one.page}/choose" in Forms(page.encode()).found
    assert "Refresh" not in (await waiting.visit(waiting.page)).headers


async def test_many_changes_break_no_sign_in(raw_citizen: RawCitizen, stage: Stage, line: HttpSender) -> None:
    services, done = stage.parts.settings.services, asyncio.Event()
    changes = 0

    async def changing() -> None:
        nonlocal changes
        while not done.is_set():
            take(
                stage,
                {
                    **services,
                    "travel-office": change_service(services["travel-office"], answer_timeout=3600 + changes % 2),
                },
            )
            changes += 1
            # a pause of several times what a change costs: without one the broker, in this same loop, gets no turn
            await asyncio.sleep(0.01)

    work = asyncio.create_task(changing())
    codes = [await RawCitizen(line, raw_citizen.service).code() for _ in range(3)]
    done.set()
    await work
    assert len(set(codes)) == 3
    assert changes >= len(codes)


# --- a reload while a request waits for a service's keys ---


def encryption_jwk(kid: str) -> dict[str, str]:
    """A new public key to encrypt to."""
    return {**load_decryption_key(new_decryption_key_pem("ECDH-ES+A256KW"), "ECDH-ES+A256KW").jwk, "kid": kid}


SECRET = "s3cret-of-the-riders-with-128-random-bits"
BY_SECRET = {"client_id": RIDES, "client_secret": SECRET}


@pytest.fixture
async def hanging(stage: Stage) -> AsyncIterator[KeyServer]:
    """The keys of `rides` are at an address that does not answer until a test lets it."""
    services = stage.parts.settings.services
    async with KeyServer().running() as keys:
        keys.open.clear()
        take(stage, {**services, RIDES: change_service(services[RIDES], jwks=None, jwks_uri=keys.url)})
        yield keys


@pytest.fixture
def waiting(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a request needs keys that have to be fetched."""
    asked, keys = asyncio.Event(), stage.parts.configuration.registry.keys

    async def listened(client_id: str, proof: str | Certificate) -> KeySet:
        if proof:  # nothing is fetched for a caller who brings a secret
            asked.set()
        return await keys(client_id, proof)

    monkeypatch.setattr(stage.parts.configuration.registry, "keys", listened)
    return asked


async def during_the_fetch(call: Awaitable[Reply], waiting: asyncio.Event, reload: Callable[[], None]) -> Reply:
    """The reply to a call, during whose fetch of keys the services are read again."""
    sent = asyncio.ensure_future(call)
    await asyncio.wait_for(waiting.wait(), 20)
    reload()
    return await sent


@pytest.mark.parametrize("path", ["/par", "/token", "/introspect", "/revoke"])
async def test_a_service_removed_while_its_keys_are_fetched_is_refused_as_an_invalid_client(
    path: str, raw_citizen: RawCitizen, stage: Stage, hanging: KeyServer, waiting: asyncio.Event
) -> None:
    def reload() -> None:
        without(stage)
        hanging.open.set()

    reply = await during_the_fetch(raw_citizen.call(path, raw_citizen.service.assertion()), waiting, reload)
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/par", "/ciba"])
async def test_a_service_removed_while_its_signed_request_waits_for_keys_is_refused(
    path: str, raw_citizen: RawCitizen, stage: Stage, hanging: KeyServer, waiting: asyncio.Event
) -> None:
    services = stage.parts.settings.services
    by_secret = change_service(
        services[RIDES],
        authentication=ClientAuthentication.CLIENT_SECRET_POST,
        secret_digest=hashlib.sha256(SECRET.encode()).hexdigest(),
        jwks=None,
        jwks_uri=hanging.url,
        ciba=CibaDeliveryMode.POLL,
    )
    take(stage, {**services, RIDES: by_secret})

    def reload() -> None:
        without(stage)
        hanging.open.set()

    signed = raw_citizen.service.assertion()["client_assertion"]
    reply = await during_the_fetch(raw_citizen.call(path, {**BY_SECRET, "request": signed}), waiting, reload)
    assert (reply.status, reply.json["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_browser_whose_service_is_removed_while_keys_are_fetched_sees_an_error_page(
    method: str, raw_citizen: RawCitizen, stage: Stage, hanging: KeyServer, waiting: asyncio.Event
) -> None:
    def reload() -> None:
        without(stage)
        hanging.open.set()

    asked = {"client_id": RIDES, "request": raw_citizen.service.assertion()["client_assertion"]}
    visit = (
        raw_citizen.visit(f"/authorize?{urlencode(asked)}")
        if method == "GET"
        else raw_citizen.submit("/authorize", asked)
    )
    reply = await during_the_fetch(visit, waiting, reload)
    assert reply.status == 400
    assert "invalid_request: this service is not registered here" in reply.body.decode()


async def test_a_service_whose_keys_a_reload_replaces_during_their_fetch_is_judged_by_the_new_ones(
    raw_citizen: RawCitizen, stage: Stage, hanging: KeyServer, waiting: asyncio.Event
) -> None:
    own = load_signing_key(raw_citizen.service.key.encode(), "ES256", raw_citizen.service.kid)
    other = load_signing_key(new_signing_key_pem("ES256"), "ES256", raw_citizen.service.kid)

    async def pushed_while_replaced(shown_before: SigningKey, registered: SigningKey) -> Reply:
        services = stage.parts.settings.services
        hosted = change_service(
            services[RIDES], jwks=None, jwks_uri=f"{hanging.url}/{registered.kid}-{registered is own}"
        )
        hanging.open.clear()
        waiting.clear()
        hanging.body = jwks_bytes(shown_before)
        take(stage, {**services, RIDES: hosted})

        def reload() -> None:
            take(stage, {**services, RIDES: change_service(services[RIDES], jwks={"keys": [dict(registered.jwk)]})})
            hanging.open.set()

        return await during_the_fetch(raw_citizen.push(), waiting, reload)

    assert (await pushed_while_replaced(other, own)).status == 201
    assert (await pushed_while_replaced(own, other)).json["error"] == "invalid_client"


async def test_an_answer_to_a_service_of_before_a_reload_leaves_none_of_its_encryption_keys_behind(
    stage: Stage,
) -> None:
    services, registry = stage.parts.settings.services, stage.parts.configuration.registry
    old, new = (change_service(services[RIDES], jwks={"keys": [encryption_jwk(kid)]}) for kid in ("old", "new"))
    take(stage, {**services, RIDES: old})
    take(stage, {**services, RIDES: new})
    assert [key.kid for key in await registry.encryption_keys(old, "ECDH-ES+A256KW")] == ["old"]
    assert [key.kid for key in await registry.encryption_keys(new, "ECDH-ES+A256KW")] == ["new"]
