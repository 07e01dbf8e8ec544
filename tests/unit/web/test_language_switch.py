"""Language switch: keeps typed values on every page with a form, and puts none of them into a URL."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx
import pytest
from starlette.types import ASGIApp

from tests.unit.web.citizen_pages import GivenCitizen, client, path
from tests.unit.web.citizen_requests import COOKIE, JOURNEY
from tests.unit.web.example_views import VIEWS

TYPED = 'Ada’s "own" <b> & أ'


@dataclass
class Control:
    """One form control; its form is the one in its form attribute, or the enclosing one."""

    tag: str
    said: dict[str, str]
    form: str

    @property
    def kind(self) -> str:
        """The type of an input."""
        return self.said.get("type", "text") if self.tag in ("input", "textarea") else self.tag

    @property
    def fillable(self) -> bool:
        """Whether it is an input that a person fills in."""
        return self.tag in ("input", "textarea", "select") and self.kind not in ("hidden", "submit")


@dataclass
class Read(HTMLParser):
    """An HTML parser of the forms of a page and their controls, in page order."""

    language: str = ""
    controls: list[Control] = field(default_factory=list)
    actions: dict[str, str] = field(default_factory=dict)
    _around: str = ""
    _count: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each element."""
        said = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = said["lang"]
        elif tag == "form":
            self._count += 1
            self._around = said.get("id") or f"form-{self._count}"
            self.actions[self._around] = said.get("action", "")
        elif tag in ("input", "button", "select", "textarea"):
            self.controls.append(Control(tag, said, said.get("form") or self._around))

    def handle_endtag(self, tag: str) -> None:
        """Called at the end of each element."""
        if tag == "form":
            self._around = ""

    @property
    def fillable(self) -> list[Control]:
        """The controls that a person can fill in."""
        return [one for one in self.controls if one.fillable]

    def switch(self, language: str) -> Control:
        """The button that switches the language."""
        (found,) = [
            one for one in self.controls if one.said.get("name") == "language" and one.said.get("value") == language
        ]
        return found


def read(html: str) -> Read:
    """A page."""
    page = Read()
    page.feed(html)
    return page


def filled(page: Read, form: str) -> tuple[dict[str, str], dict[tuple[str, str], object]]:
    """The fields that a browser sends of a completely filled form, and the state of each control."""
    sent: dict[str, str] = {}
    states: dict[tuple[str, str], object] = {}
    for one in page.controls:
        name, value = one.said.get("name", ""), one.said.get("value", "")
        if one.form != form or not name or one.tag == "button":
            continue
        if one.kind == "hidden":
            sent[name] = value
        elif one.kind == "radio":
            sent[name] = value  # the last option is selected
        elif one.kind == "checkbox":
            sent[name] = value
            states[name, value] = True
        else:
            sent[name] = states[name, ""] = f"{TYPED} {name}"
    states |= {
        (one.said["name"], one.said["value"]): sent[one.said["name"]] == one.said["value"]
        for one in page.fillable
        if one.kind == "radio" and one.form == form
    }
    return sent, states


def demo_applications(page: Read) -> dict[tuple[str, str], object]:
    """The state of each control in the page."""
    found: dict[tuple[str, str], object] = {}
    for one in page.fillable:
        name, value = one.said["name"], one.said.get("value", "")
        if one.kind in ("radio", "checkbox"):
            found[name, value] = "checked" in one.said
        else:
            found[name, ""] = value
    return found


PAGES = {
    **{view: path(view) for view in VIEWS},
    "help": f"{JOURNEY}/help",
    "have": f"{path('choose_rich')}/have",
    "have with ways": f"{path('choose_rich')}/have?passport=1",
    "continue": "/continue",
    "confirm": "/confirm",
    "freeze": "/freeze/usable",
    "later": f"{path('choose')}/later",
    "leave, seen again": path("leave"),
}
SECOND = {"cookie": f"{COOKIE['cookie']}; portico-left=mark-1"}


async def get(app: ASGIApp, name: str) -> httpx.Response:
    async with client(app) as browser:
        return await browser.get(PAGES[name], headers=SECOND if "again" in name else COOKIE)


@pytest.mark.parametrize("language", ["cy", "ar"])
@pytest.mark.parametrize("name", PAGES)
async def test_switching_the_language_keeps_every_field_and_shows_the_same_page(
    name: str, language: str, app: ASGIApp, citizen: GivenCitizen
) -> None:
    page = read((await get(app, name)).text)
    if not page.fillable:
        pytest.fail("nothing to fill in") if name in ("help", "have", "continue", "confirm") else None
        return
    button = page.switch(language)
    assert {one.form for one in page.fillable} == {button.form}, "a form that the language button does not send"
    sent, states = filled(page, button.form)
    async with client(app) as browser:
        answer = await browser.post(
            button.said["formaction"],
            data={**sent, "language": language},
            headers=SECOND if "again" in name else COOKIE,
        )
    assert answer.status_code == 200, answer.headers
    assert citizen.done == []
    again = read(answer.text)
    assert again.language == language
    assert demo_applications(again) == states
    assert {one.said["name"] for one in again.fillable} == {one.said["name"] for one in page.fillable}
    assert any(one.startswith(f"__Host-portico-language={language};") for one in answer.headers.get_list("set-cookie"))
    assert "?" not in button.said["formaction"]


@pytest.mark.parametrize("name", PAGES)
async def test_enter_never_switches_the_language(name: str, app: ASGIApp) -> None:
    page = read((await get(app, name)).text)
    buttons = [one for one in page.controls if one.tag == "button" and one.form == "typed"]
    if page.fillable:
        first = buttons[0]
        assert "name" not in first.said
        assert "formaction" not in first.said
        assert first.said["tabindex"] == "-1"
        assert "aria-hidden" in first.said


async def test_a_code_from_a_picture_stays_when_the_language_is_switched(app: ASGIApp) -> None:
    async with client(app) as browser:
        for at in ("/continue", "/confirm"):
            page = read((await browser.get(f"{at}?code=K7WM-2QXD", headers=COOKIE)).text)
            button = page.switch("cy")
            fields = {one.said["name"]: one.said.get("value", "") for one in page.controls if one.tag == "input"}
            assert fields["code"] == "K7WM-2QXD"
            answer = await browser.post(button.said["formaction"], data={**fields, "language": "cy"}, headers=COOKIE)
            assert 'value="K7WM-2QXD"' in answer.text
            assert answer.status_code == 200


async def test_a_language_switch_that_is_not_the_citizens_own_shows_nothing_typed(app: ASGIApp) -> None:
    async with client(app) as browser:
        for at in (path("choose"), f"{JOURNEY}/help", "/continue", "/confirm", f"{path('choose')}/have"):
            data = {"token": "forged", "language": "cy", "code": "x", "email": "ada@example.org"}
            answer = await browser.post(at, data=data, headers=COOKIE)
            assert answer.status_code == 303
            assert answer.headers["location"].endswith("problem=again")


async def test_a_page_without_a_form_leads_back_to_its_whole_address(app: ASGIApp) -> None:
    async with client(app) as browser:
        for at in (
            "/help",
            "/errors/cancelled",
            f"{path('ended_answered')}?problem=again",
            "/logout?id_token_hint=a.b.c",
        ):
            page = (await browser.get("/help", headers=COOKIE)).text
            token = next(one.said["value"] for one in read(page).controls if one.said.get("name") == "token")
            data = {"token": token, "back": at, "language": "cy"}
            answer = await browser.post("/language", data=data, headers=COOKIE)
            assert (answer.status_code, answer.headers["location"]) == (303, at)
        for at in ("//evil.test", "https://evil.test", "/\\evil", "/a b", "/x?\r\nset-cookie: a=b", "/" + "x" * 9000):
            data = {"token": token, "back": at, "language": "cy"}
            answer = await browser.post("/language", data=data, headers=COOKIE)
            assert answer.headers["location"] in ("/", "/x")
