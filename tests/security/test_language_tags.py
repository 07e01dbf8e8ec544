"""Language tags over HTTP: `ui_locales`, `Accept-Language` and the language cookie are read without regard to case."""

from urllib.parse import urlencode

import pytest

from broker.web.shared.cookies import LANGUAGE
from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import HttpSender, RawCitizen
from tests.e2e.relying_service import rides
from tests.security.endpoint_client import Endpoints

WELSH = ("cy", "CY", "Cy-gb", "cy-GB", "CY_gb")
IN_WELSH = b'<html lang="cy"'


@pytest.mark.parametrize("tag", WELSH)
async def test_a_language_tag_is_compared_without_regard_to_case_and_falls_back(
    endpoints: Endpoints, line: HttpSender, stage: Stage, tag: str
) -> None:
    """BCP 47 2.1.1, RFC 4647 3.4."""
    raw_citizen = RawCitizen(line, rides(stage.folder, stage.issuer))
    (await raw_citizen.push(ui_locales=f"de {tag} en")).expect(201)
    (await raw_citizen.authorize()).expect(303)
    assert IN_WELSH in (await raw_citizen.visit(raw_citizen.page)).expect().body
    for path, liked in (
        ("/help", f"de, {tag};q=0.9, en;q=0.5"),
        ("/nowhere", f"de, {tag};q=0.9, en;q=0.5"),
        (f"/logout?ui_locales=de+{tag}", "en"),
    ):
        assert IN_WELSH in (await endpoints.send("GET", path, headers=[("Accept-Language", liked)])).body, path
    cookie = [("Cookie", f"{LANGUAGE}={tag}"), ("Accept-Language", "en")]
    for path in ("/help", "/nowhere"):
        assert IN_WELSH in (await endpoints.send("GET", path, headers=cookie)).body, path


@pytest.mark.parametrize("tag", ["cy", "CY-gb"])
async def test_pages_without_a_journey_speak_the_language_that_the_service_wishes(
    endpoints: Endpoints, line: HttpSender, stage: Stage, tag: str
) -> None:
    """`ui_locales` counts for every page of a request (OpenID Connect Core 3.1.2.1), those of a refusal too."""
    raw_citizen = RawCitizen(line, rides(stage.folder, stage.issuer))
    (await raw_citizen.push(ui_locales=tag)).expect(201)
    (await raw_citizen.authorize()).expect(303)
    await raw_citizen.return_()
    (await raw_citizen.share()).expect(303)
    await raw_citizen.collect()
    assert IN_WELSH in (await raw_citizen.authorize()).expect(400).body  # it was answered already

    plain = {
        "client_id": "rides",
        "response_type": "code",
        "redirect_uri": raw_citizen.service.redirect_uri,
        "scope": "openid",
        "response_mode": "form_post",
        "ui_locales": tag,
    }
    challenge = {"code_challenge": "x" * 43, "code_challenge_method": "S256"}
    for path, parameters in (
        ("/authorize", {**plain, "client_id": "nobody"}),
        ("/authorize", {**plain, "redirect_uri": "https://evil.example/"}),
        ("/authorize", {**plain, "state": "\0"}),
        ("/authorize", plain),  # without a challenge: the error goes back in a form
        ("/authorize", {**plain, **challenge, "prompt": "none"}),
        ("/logout", {"client_id": "nobody", "ui_locales": tag}),
        ("/logout", {"client_id": "rides", "post_logout_redirect_uri": "https://evil.example/", "ui_locales": tag}),
    ):
        assert IN_WELSH in (await endpoints.send("GET", f"{path}?{urlencode(parameters)}")).body, parameters

    crowd = RawCitizen(line, raw_citizen.service)
    for _ in range(100):
        (await crowd.push(ui_locales=tag)).expect(201)
        if (reply := await crowd.authorize()).status != 303:
            break
    assert IN_WELSH in reply.expect(429).body
