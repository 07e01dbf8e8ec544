"""Staff console in Welsh: the switch, its cookie, and a catalogue with the placeholders of the English texts."""

import re

import httpx
import pytest

from broker.actions.assisted.staff_login import StaffLogin
from broker.model.store_results import StoreUnavailable
from broker.web.shared.i18n import language
from broker.web.staff.cookies import SESSION
from tests.unit.web.staff import CARYS, Stage
from tests.unit.web.test_texts import HOLE
from tests.unit.web.texts import CONSOLE, codes, found_for_staff, registry

COOKIE = "__Host-portico-staff-language"


@pytest.mark.parametrize("code", codes(CONSOLE))
def test_the_catalogue_of_the_console_has_only_texts_in_use_with_their_placeholders(code: str) -> None:
    held = registry(code, CONSOLE)
    assert {message.id for message in held} <= {message.id for message in found_for_staff()}
    for message in held:
        for string in message.string if isinstance(message.string, tuple) else (message.string,):
            wanted = message.id[1] if isinstance(message.id, tuple) else message.id
            assert not string or not message.id or sorted(HOLE.findall(string)) == sorted(HOLE.findall(wanted))


def test_a_text_without_translation_is_in_english_and_one_of_the_citizens_in_welsh() -> None:
    welsh = language("cy", "Europe/London", console=True)
    assert welsh.text("Your desk") == "Eich desg"
    assert welsh.text("What you need") == "Beth sydd ei angen arnoch"
    assert welsh.text("No such text") == "No such text"
    assert welsh.ngettext("{n} minute", "{n} minutes", 2) == "2 munud"


@pytest.mark.store
async def test_the_console_is_read_in_welsh_after_the_switch(stage: Stage) -> None:
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    switched = await agent.send("/language", "/", {"back": "/help", "language": "cy"})
    assert switched.headers["location"] == "/help"
    [cookie] = switched.headers.get_list("set-cookie")
    assert re.fullmatch(rf"{COOKIE}=cy; Max-Age=2592000; Path=/; Secure; HttpOnly; SameSite=Lax", cookie)
    agent.headers["cookie"] += f"; {COOKIE}=cy"  # type: ignore[index]
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    await agent.send(f"{at}/start", at, {"channel": "video", "words": "right"})
    for path, text in (
        ("/", "Eich desg"),
        ("/help", "Help a bysellau byr"),
        (at, "Mewn sesiwn"),
        (f"{at}/evidence/new?kind=passport", "Rwyf wedi gweld y gwreiddiol"),
        (f"{at}/evidence/new?kind=passport", "Gadewch i&#39;r person ddal y ddogfen"),
        (f"{at}/person", "Edrychwch ym mhob ffynhonnell eich hun"),
        (f"{at}/details", "Cadw, ac mae"),
    ):
        page = (await agent.get(path)).text
        assert '<html lang="cy"' in page
        assert text in page, text


@pytest.mark.store
async def test_the_switch_leads_nowhere_else_and_is_not_on_a_form_of_a_case(stage: Stage) -> None:
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    for form in ({"back": "//elsewhere.example", "language": "xx"}, {"back": "/x?y", "language": ""}):
        switched = await agent.send("/language", "/", form)
        assert switched.headers["location"] == "/"
        assert "set-cookie" not in switched.headers
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    await agent.send(f"{at}/start", at, {"channel": "video", "words": "right"})
    assert 'action="/language"' in (await agent.get(at)).text
    for path in (f"{at}/person", f"{at}/details", f"{at}/evidence/new?kind=passport"):
        assert 'action="/language"' not in (await agent.get(path)).text


CITIZENS = "__Host-portico-language"


@pytest.mark.store
@pytest.mark.parametrize(
    ("cookie", "accepts", "code"),
    [
        (f"{COOKIE}=cy", "en", "cy"),
        (f"{COOKIE}=cy; {CITIZENS}=ar", "ar", "cy"),
        (f"{CITIZENS}=cy", "cy", "en"),
        (f"{COOKIE}=ar; {CITIZENS}=cy", "cy", "en"),
        ("", "cy", "en"),
    ],
)
async def test_error_pages_of_the_console_are_in_its_own_language(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, cookie: str, accepts: str, code: str
) -> None:
    """Not found, refused headers, a store that does not answer, and an exception: whatever citizens' pages are in."""

    async def fails(*_given: object) -> None:
        raise problems.pop()

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(stage.app, raise_app_exceptions=False), base_url=stage.origin
    ) as client:
        headers = {"cookie": cookie, "accept-language": accepts}
        pages = [
            await client.get("/no-such-page", headers=headers),
            await client.get("/help", headers={**headers, "x-large": "x" * 70_000}),
        ]
        problems: list[Exception] = [StoreUnavailable("away"), ValueError("unexpected")]
        monkeypatch.setattr(StaffLogin, "principal", fails)
        headers["cookie"] += f"; {SESSION}=any"
        pages += [await client.get("/help", headers=headers) for _ in range(2)]
    assert [page.status_code for page in pages] == [404, 431, 500, 503]
    assert [re.findall(r'<html lang="(\w+)"', page.text) for page in pages] == [[code]] * 4
