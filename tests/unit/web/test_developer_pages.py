"""The pages on which engineers register a service, see how it does, and take its file to the operator."""

import re

import pytest
from starlette.types import ASGIApp

from broker.actions.account.own import OwnRefusal
from tests.unit.web.catalogue import REGISTRATION
from tests.unit.web.citizen_pages import GivenCitizen
from tests.unit.web.citizen_requests import SECRET, get, post, token
from tests.unit.web.test_own_pages import cookie

PATH = "/account/developers"
SIGNED_IN = {"cookie": f"__Host-portico-browser={SECRET}; __Host-portico-session=account"}


async def test_the_short_address_leads_to_the_page_and_that_to_the_sign_in(app: ASGIApp) -> None:
    assert (await get(app, "/developers")).headers["location"] == PATH
    assert "next=/developers" in (await get(app, PATH)).headers["location"]
    assert "next=/developers" in (await get(app, f"{PATH}/service?client=fishing")).headers["location"]


async def test_a_service_is_registered_and_its_secret_shown_once(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await post(app, PATH, token=token("account"), headers=SIGNED_IN, **REGISTRATION)
    assert citizen.done[-1] == (
        "register",
        {
            "client_name": "Rides & <b>",
            "redirect_uris": ["http://localhost:9/callback"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": "openid profile",
            "grant_types": ["authorization_code", "refresh_token"],
        },
    )
    html = answer.text
    for shown in (
        "self-0123456789abcdef",
        "a-secret-of-many-characters",
        "/.well-known/openid-configuration",
        "Rides &amp; &lt;b&gt;",
        "client_secret=&#34;a-secret-of-many-characters&#34;",
    ):
        assert shown in html, shown
    assert answer.headers["cache-control"] == "no-store"


async def test_with_a_key_no_secret_is_shown(app: ASGIApp, citizen: GivenCitizen) -> None:
    typed = REGISTRATION | {
        "method": "private_key_jwt",
        "keys": '{"keys": [{"kty": "OKP"}]}',
        "home": "https://r.example/",
    }
    html = (await post(app, PATH, token=token("account"), headers=SIGNED_IN, **typed)).text
    assert "secret" not in html
    metadata = citizen.done[-1][1]
    assert metadata["jwks"] == {"keys": [{"kty": "OKP"}]}
    assert metadata["client_uri"] == "https://r.example/"


@pytest.mark.parametrize("typed", [{"addresses": ""}, {"method": "private_key_jwt", "keys": "no keys <b>"}])
async def test_what_was_typed_stays_if_something_is_wrong(app: ASGIApp, typed: dict[str, str]) -> None:
    sent = REGISTRATION | {"home": "https://rides.example/"} | typed
    answer = await post(app, PATH, token=token("account"), headers=SIGNED_IN, **sent)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    for kept in ('value="Rides &amp; &lt;b&gt;"', 'value="https://rides.example/"'):
        assert kept in answer.text
    boxes = [box for box in re.findall(r"<input[^>]*>", answer.text) if 'type="checkbox"' in box]
    assert [" checked" in box for box in boxes] == [True, False, False, False, True]


async def test_the_page_of_a_service_says_how_it_does_and_what_is_missing(app: ASGIApp) -> None:
    html = (await get(app, f"{PATH}/service?client=self-busy", **cookie("account"))).text
    for shown in (
        "Requests: 40. Refused: 3. People signed in: 12.",
        "used before &lt;here&gt;",
        "hihg",
        "Missing:",
        "Done:",
    ):
        assert shown in html, shown
    assert "redirect_uris = [" in html
    assert "Nothing yet" in (await get(app, f"{PATH}/service?client=fishing", **cookie("account"))).text
    unknown = await get(app, f"{PATH}/service?client=of-another", **cookie("account"))
    assert unknown.headers["location"] == f"{PATH}?problem=not_now"


async def test_a_registration_is_ended(app: ASGIApp, citizen: GivenCitizen) -> None:
    answer = await post(app, f"{PATH}/end", token=token("account"), client="self-busy")
    assert (citizen.done[-1], answer.headers["location"]) == (("end_service", "self-busy"), f"{PATH}?done=ended")
    citizen.own_refusal = OwnRefusal.NOTHING
    refused = await post(app, f"{PATH}/end", token=token("account"), client="of-another")
    assert refused.headers["location"] == f"{PATH}?problem=not_now"
