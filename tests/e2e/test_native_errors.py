"""Failure pages that the native errors of national providers lead to, in Chromium: axe, reflow, languages, long names.

Every class of failure that an error of a preset can reach is reached once through the whole broker, by one preset for
each. axe takes most of a second a page, so classes and languages are combined pairwise and not with everything: each
class is read in Arabic (from right to left) and in one of the languages from left to right, which take turns, at 320
px. Reflow is cheap and is measured in all languages. All names have 80 letters, without a blank in one half of them.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.model.failures import FailureClass
from providers.presets import preset_table
from providers.presets.document import operator_file
from tests.conftest import NewContext
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.citizen_page import Citizen, attended
from tests.unit.web.axe import CUT_OFF, violations

pytestmark = pytest.mark.browser

F = FailureClass
WIDTH = 320
LONGEST = 80
LATIN = "Rijksidentiteitsdienstverleningsautoriteitsbureau"
ARABIC = "المؤسسةالوطنيةللتحققالإلكترونيمنهوياتالمواطنينوالمقيمين"


@dataclass(frozen=True, slots=True)
class NativeError:
    """An answer of a preset's provider and the failure class in which it ends."""

    preset: str
    failure: FailureClass
    answer: Mapping[str, str]


def error(code: str, description: str = "") -> Mapping[str, str]:
    """A provider's own error in place of a code."""
    return {"error": code, "description": description}


ERRORS = (
    NativeError("france-connect", F.CANCELLED, error("access_denied", "user authentication aborted")),
    NativeError("nhs-login", F.DECLINED_SHARING, error("access_denied", "ConsentNotGiven")),
    NativeError("id-porten", F.COULD_NOT_SIGN_IN, error("login_required")),
    NativeError("gov-uk-one-login", F.NOT_VERIFIED, {"outcome": "identity_missing"}),
    NativeError("gov-uk-one-login", F.PROVIDER_BUSY, error("temporarily_unavailable")),
    NativeError("singpass", F.PROVIDER_DOWN, error("server_error")),
    NativeError("gov-br", F.UNSAFE_REPLY, {"token_error": "invalid_grant"}),
    NativeError("tara", F.INCOMPLETE_REPLY, {"person": "no-birthdate"}),
    NativeError("esignet", F.LEVEL_TOO_LOW, error("auth_factor_mismatch")),
    NativeError("esignet", F.CANNOT_USE, error("individual_id_blocked")),
    NativeError("corppass", F.ACTING_FOR_ANOTHER, {}),
)
"""Each class once; the last two languages of a class are those in which axe reads its page."""


def long_name(preset: str, *, arabic: bool = False) -> str:
    """A name of 80 letters that differs for each preset: short words, and one of fifty letters or more."""
    return f"{preset} for all {ARABIC if arabic else LATIN}".ljust(LONGEST, "ن" if arabic else "s")[:LONGEST]


def provider_file(preset: str) -> str:
    """The file of a provider that the simulator plays, with names as long as they may be."""
    own = (
        operator_file(preset)
        .replace('"..."', '"https://broker.example"')
        .replace("../../secrets", "../../.demo/secrets")
    )
    names = {code: long_name(preset, arabic=code == "ar") for code in preset_table(preset)["names"]}
    listed = ", ".join(f"{code} = {json.dumps(name, ensure_ascii=False)}" for code, name in names.items())
    own = own.replace("[openid]", f'names = {{ {listed} }}\n\n[openid]\nsimulator = "http://localhost:8003"', 1)
    return own


SERVICE = """
names = { en = "ENGLISH", cy = "ENGLISH", ar = "ARABIC" }
home = "http://localhost:8002/"
redirect_uris = ["http://localhost:8002/callback"]
post_logout_redirect_uris = ["http://localhost:8002/"]
profile = "oidc"
authentication = "client_secret_basic"
secret_file = "../../.demo/secrets/demo-service"
sector = "council.example"
level = "low"
scopes = ["openid", "profile"]
ciba = "poll"
contact = "01632 960 200"

[[claims]]
claim = "name"
reason = { en = "To address you by your name", cy = "I'ch cyfarch wrth eich enw", ar = "لمخاطبتك باسمك" }
""".replace("ENGLISH", long_name("service")).replace("ARABIC", long_name("service", arabic=True))

SCRIPT = Script(
    world="council",
    edits={
        "broker.toml": {
            'languages = ["en", "cy"]': 'languages = ["en", "cy", "ar"]',
            'name = { en = "Portico", cy = "Portico" }': 'name = { en = "Portico", cy = "Portico", ar = "Portico" }',
        },
    },
    files={
        "services/demo-service.toml": SERVICE,
        **{f"providers/{one.preset}.toml": provider_file(one.preset) for one in ERRORS},
    },
)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A broker with ten national providers whose names are as long as they may be."""
    async with staged(tmp_path, SCRIPT) as found:
        yield found


async def fail(citizen: Citizen, wanted: NativeError) -> None:
    """Signs in with a provider that answers as scripted, and comes back to the failure page."""
    stage = citizen.stage
    script = {"next": [dict(wanted.answer)]}
    answer = await citizen.page.request.post(f"{stage.providers}/_script/{wanted.preset}", data=script)
    assert answer.ok, await answer.text()
    await citizen.begin("parking")
    await citizen.choose(long_name(wanted.preset))
    await citizen.page.locator("main .pt-calm").wait_for()
    assert (await citizen.transaction()).failures[-1].failure is wanted.failure, wanted


@pytest.mark.timeout(240)
async def test_no_failure_page_of_a_native_error_has_an_axe_violation_or_is_cut_off(
    stage: Stage, new_context: NewContext
) -> None:
    context = await new_context(viewport={"width": WIDTH, "height": 800})
    citizen = attended(await context.new_page(), stage, [])
    faults: dict[str, object] = {}
    for number, wanted in enumerate(ERRORS):
        await context.clear_cookies(name="__Host-portico-language")
        await fail(citizen, wanted)
        address = f"{stage.issuer}/journey/{citizen.handle}"
        for language in ("en", "cy", "ar"):
            await context.add_cookies([cookie(language)])
            await citizen.page.goto(address)
            root = citizen.page.locator("html")
            assert await root.get_attribute("lang") == language
            assert await root.get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
            found = list(await citizen.page.evaluate(CUT_OFF))
            if language in ("ar", ("en", "cy")[number % 2]):
                found += await violations(citizen.page)
            if found:
                faults[f"{wanted.preset}: {wanted.failure} in {language}"] = found
    assert faults == {}
    assert citizen.complaints == []


def cookie(language: str) -> dict[str, object]:
    """The cookie of a chosen language."""
    return {"name": "__Host-portico-language", "value": language, "domain": "localhost", "path": "/", "secure": True}
