"""Properties of every page: complete, small, no inline scripts, no external resources."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, TemplateNotFound, UndefinedError, meta

from broker.actions.browser import Browser
from broker.actions.views import RedirectAway, View
from broker.model.failures import FailureClass, NextStep, from_reason
from broker.provider import ProviderFailureReason
from broker.web import citizens, public
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from broker.web.citizens.page_context import PageContext, readable
from broker.web.citizens.request import PROBLEMS
from broker.web.citizens.view_pages import render_view
from broker.web.shared.pages import TEMPLATES, PageRenderer, PageTemplate, page_renderer
from broker.web.shared.responses import PageResponse
from broker.web.shared.static_files import BUILT, Statics
from tests.unit.web.citizen_pages import CODE, ISSUER, SITE, marks
from tests.unit.web.example_views import VIEWS
from tests.unit.web.examples import BANK, HANDLE, NOW, SERVICE, went_wrong

LANGUAGES = SITE.languages
GOING_ON = {*NextStep} - {NextStep.USE_CODE, NextStep.START_AGAIN, NextStep.HOME, NextStep.CONTACT}
GOING_ON -= {NextStep.CONTACT_PROVIDER, NextStep.OTHER_WAYS, NextStep.WHAT_AND_WHY}
GOING_ON -= {NextStep.WITHDRAW, NextStep.OWN_SERVICES}
"""The steps that continue the transaction."""

AT_A_PROVIDER = {from_reason(reason) for reason in ProviderFailureReason} | {FailureClass.TOOK_TOO_LONG}


def frame(written: PageRenderer, language: str = "en", problem: str = "") -> PageContext:
    return PageContext(
        f"/journey/{HANDLE}", HANDLE, Browser(("secret",)), written.languages[language], NOW, marks(), ISSUER, problem
    )


def shown(view: View, written: PageRenderer, language: str = "en", held: dict[str, str] | None = None) -> PageResponse:
    return render_view(view, frame(written, language), held or {})


def page(view: View, written: PageRenderer, language: str = "en", held: dict[str, str] | None = None) -> str:
    found = shown(view, written, language, held)
    return written.page(found.template, language, found.variables)


def text(html: str) -> str:
    """The text of a page without markup, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_a_whole_page_in_every_language(name: str, language: str, written: PageRenderer) -> None:
    html = page(VIEWS[name], written, language, {"portico-code": CODE})
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}"' in html
    assert html.count("<h1") == 1
    assert html.count("<main") == 1
    assert re.search(r"<title>\s*\S[^<]* – Portico</title>", html)
    assert not re.search(r"\[\[|\]\]|\[%|%\]|\{\{|\}\}|\{%|\{\w+\}", html)
    assert not re.search(r"\bNone\b(?! of)", text(html))


@pytest.mark.parametrize("problem", sorted(PROBLEMS))
def test_a_form_error_is_shown_at_the_top_of_the_page_and_in_its_title(problem: str, written: PageRenderer) -> None:
    found = render_view(VIEWS["waiting_to_take_up"], frame(written, problem=problem), {})
    html = written.page(found.template, "en", found.variables)
    assert '<div class="govuk-error-summary"' in html
    assert "Error:" in html.partition("</title>")[0]


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "leave_by_post"])
def test_no_page_needs_a_script(name: str, written: PageRenderer) -> None:
    assert "<script" not in page(VIEWS[name], written)


def test_the_form_that_goes_back_to_a_service_can_be_sent_by_hand(written: PageRenderer) -> None:
    html = page(VIEWS["leave_by_post"], written)
    assert '<form method="post" action="https://fishing.example/return" id="leave">' in html
    assert '<input type="hidden" name="state" value="&#34;&lt;">' in html
    assert "Go to <bdi>Apply for a fishing licence</bdi>" in html.partition('id="leave"')[2].partition("</form>")[0]


@pytest.mark.parametrize("failure", FailureClass)
def test_a_failure_page_has_its_parts_in_one_order(failure: FailureClass, written: PageRenderer) -> None:
    html = text(page(went_wrong(failure), written))
    names = {"provider": BANK.name("en"), "service": SERVICE.name("en"), "site": "Portico"}
    texts = FAILURE_TEXTS[failure]
    keeps = not GOING_ON.isdisjoint(went_wrong(failure).steps)
    parts = [
        texts.title.format(**names),
        *(line.format(**names) for line in texts.story),
        texts.not_shared.format(**names),
        "Your place is kept until" if keeps else "You can open this page again until",
        *(["What you can do now"] if went_wrong(failure).steps else []),
        "If you are stuck",
        "Your reference is K7WM 2QXD",
        "Stop and go back to Apply for a fishing licence",
    ]
    after = html.partition("For Apply for a fishing licence")[2]
    plain = re.sub(r"\s+([.,?!’])", r"\1", after)
    places = [plain.find(part) for part in parts]
    assert -1 not in places, [part for part, place in zip(parts, places, strict=True) if place < 0]
    assert places == sorted(places)


def test_every_step_has_something_to_press_or_to_read(written: PageRenderer) -> None:
    html = page(VIEWS["every_step"], written)
    for path in ("have", "help", "status", "withdraw", "later", "data", "choose"):
        assert re.search(rf'(action|href)="/journey/{HANDLE}/{path}"', html), path
    assert 'href="/continue"' in html
    assert 'href="https://fishing.example/"' in html
    assert 'href="mailto:help@fishing.example"' in html
    assert 'href="https://alder.example/help"' in html
    assert "Come to us" in html


@pytest.mark.parametrize("failure", FailureClass)
def test_a_failure_page_offers_every_step_that_is_real(failure: FailureClass, written: PageRenderer) -> None:
    view = went_wrong(failure)
    steps = shown(view, written).variables["steps"]
    assert isinstance(steps, list)
    assert len(steps) == len(view.steps)


def test_the_way_that_just_failed_is_not_among_the_others(written: PageRenderer) -> None:
    html = page(went_wrong(FailureClass.NOT_VERIFIED), written)
    assert 'value="cedar"' in html
    assert 'value="alder"' not in html


def test_the_picker_has_radios_one_button_and_a_person_last_after_or(written: PageRenderer) -> None:
    html = page(VIEWS["choose"], written)
    assert re.findall(r'type="radio" value="(\w+)"', html) == ["alder", "cedar", "help"]
    assert re.search(r"__divider\">or</div>.*value=\"help\"", html, re.DOTALL)
    picker = html.partition(f'action="/journey/{HANDLE}/choose"')[2].partition("</form>")[0]
    assert picker.count("<button") == 1
    assert " disabled" not in html


def test_the_picker_says_what_does_not_work_and_since_when(written: PageRenderer) -> None:
    said = text(page(VIEWS["choose"], written))
    assert "Birch &amp; Post &lt;i&gt; – Not working since 06:00. We last checked at 07:59." in said
    assert "They are moving house. We expect it back at 10:00 on 17 January 2027." in said
    assert "The order of this list is by chance" in said


def test_the_picker_says_what_happened_before_and_what_is_special_about_a_way(written: PageRenderer) -> None:
    said = text(page(VIEWS["choose"], written))
    assert "You tried this at 07:55. You did not finish here." in said
    assert "Its own pages are in: Arabic, French." in said
    assert "Takes about 7 minutes" in said
    rich = text(page(VIEWS["choose_rich"], written))
    assert "Can be used until 13 February 2027." in rich
    assert "suggests this" in rich
    assert "Takes nobody new from 19 January 2027 on." in rich
    assert "Only if you already have an account there." in rich
    order = [rich.index(part) for part in ("suggests this", "All other ways", " or ")]
    assert order == sorted(order)


def test_a_level_that_nothing_reaches_is_said_before_any_effort_is_spent(written: PageRenderer) -> None:
    html = page(VIEWS["choose_no_route"], written)
    assert "You cannot prove your identity online for" in html
    assert 'type="radio"' not in html
    assert f'href="/journey/{HANDLE}/help"' in html


def test_names_cannot_become_markup(written: PageRenderer) -> None:
    assert "<i>" not in page(VIEWS["choose_rich"], written)
    shared = page(VIEWS["share"], written)
    assert "Ada &lt;b&gt;Marchetti&lt;/b&gt;" in shared
    assert "<b>" not in shared


def test_what_is_shared_stands_there_in_words_with_its_reason(written: PageRenderer) -> None:
    said = text(page(VIEWS["share"], written))
    assert "Date of birth 2 April 1958 Why: The price depends on your age. You shared this before." in said
    assert "Address 12 High Street Llandudno" in said
    assert "Email address was checked Yes" in said
    assert "Alder Bank told us that this is you" in said
    assert "asks for no details about you" in text(page(VIEWS["share_nothing"], written))


def test_what_can_be_left_out_is_a_choice_and_what_is_missing_is_named(written: PageRenderer) -> None:
    html = page(VIEWS["share_some"], written)
    boxes = re.findall(r'<input class="govuk-checkboxes__input"[^>]*>', html)
    assert [("checked" in box, re.findall(r'name="([^"]+)"', box)) for box in boxes] == [
        (True, ["share.birthdate"]),
        (False, ["share.address"]),
    ]
    said = text(html)
    assert "Apply for a fishing licence also asked for this, which Alder Bank did not tell us:" in said
    assert "Email address, Telephone number" in said
    assert "Is a detail wrong? We pass on what Alder Bank says" in said
    assert 'href="https://fishing.example/p?a=1&amp;b=2"' in html
    said = text(page(VIEWS["share_by_choice"], written))
    assert "also asked for this, which we do not have: Email address" in said
    assert "asks for no details about you" not in said


def test_the_page_says_for_how_long_the_service_can_read(written: PageRenderer) -> None:
    said = text(page(VIEWS["share"], written))
    assert "can read this for 30 days after you signed in, also while you are away." in said
    assert "You can take it back at any time in your account here." in said
    said = text(page(VIEWS["share_nothing"], written))
    assert "can read this from us for 10 minutes, and later only if you sign in there again." in said


def test_leaving_goes_by_itself_the_first_time_only(written: PageRenderer) -> None:
    view = VIEWS["leave"]
    assert isinstance(view, RedirectAway)
    first = shown(view, written)
    assert ("Refresh", f"0;url={view.url}") in first.headers
    assert first.cookies[0].startswith(f"portico-left=mark-1; Path=/journey/{HANDLE};")
    again = shown(view, written, held={"portico-left": "mark-1"})
    assert again.headers == ()
    assert again.cookies == ()
    new = shown(view, written, held={"portico-left": "mark-0"})
    assert new.headers == first.headers
    for found in (first, again):
        assert 'href="https://alder.example/authorize?a=1&amp;b=2"' in written.page("leave", "en", found.variables)


def test_a_link_that_works_once_becomes_a_form_that_begins_again(written: PageRenderer) -> None:
    lapsed = VIEWS["leave_once"]
    assert isinstance(lapsed, RedirectAway)
    valid = replace(lapsed, expires=NOW + 60)
    assert ("Refresh", f"0;url={lapsed.url}") in shown(valid, written).headers
    for view, held in ((lapsed, {}), (lapsed, {"portico-left": "mark-4"}), (valid, {"portico-left": "mark-4"})):
        found = shown(view, written, held=held)
        assert (found.headers, found.cookies) == ((), ())
        html = written.page("leave", "en", found.variables)
        assert lapsed.url not in html
        assert f'action="/journey/{HANDLE}/choose"' in html
        assert '<input type="hidden" name="provider" value="alder">' in html


def test_coming_back_from_leaving_offers_the_other_ways(written: PageRenderer) -> None:
    assert 'value="cedar"' not in page(VIEWS["leave"], written)
    html = page(VIEWS["leave"], written, held={"portico-left": "mark-1"})
    assert 'value="cedar"' in html
    assert 'value="alder"' not in html


def test_a_url_cannot_break_out_of_the_refresh_header(written: PageRenderer) -> None:
    view = RedirectAway(SERVICE, "https://fishing.example/return?a=\r\nSet-Cookie: x=y\u2028", "m", None)
    header = dict(shown(view, written).headers)["Refresh"]
    assert header == "0;url=https://fishing.example/return?a=%0D%0ASet-Cookie:%20x=y%E2%80%A8"


def test_the_words_show_until_they_have_to_be_typed_in(written: PageRenderer) -> None:
    assert "lantern" in page(VIEWS["waiting_in_line"], written)
    assert "lantern" not in page(VIEWS["waiting_to_take_up"], written)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("waiting_to_take_up", "We sent a code to a…@example.org . It works until 09:00."),
        ("waiting_code_posted", "We sent a code to your home by post. It works until 09:00."),
        ("waiting_code_to_send", "We send a code to your email address, a…@example.org ."),
        ("waiting_code_to_send_by_phone", "We send a code to your telephone, …982 ."),
        ("waiting_code_to_post", "We send you a code."),
        ("waiting_no_more_codes", "No more codes can be sent for this request."),
    ],
)
def test_binding_an_identity_shows_where_the_code_is_sent(name: str, expected: str, written: PageRenderer) -> None:
    html = page(VIEWS[name], written)
    assert expected in text(html)
    assert ('action="/journey/a-handle-for-tests-only/code"' in html) == (name != "waiting_no_more_codes")
    assert ('name="words"' in html) == (name in ("waiting_to_take_up", "waiting_code_posted"))


def test_no_failure_page_mentions_blame_fraud_death_or_a_mismatch(written: PageRenderer) -> None:
    for failure in FailureClass:
        said = text(page(went_wrong(failure), written)).lower()
        for word in ("fraud", "suspici", "deceased", "died", "death", "did not match", "your fault", "you failed"):
            assert word not in said


def test_the_code_to_continue_shows_with_a_picture_as_long_as_the_browser_remembers_it(written: PageRenderer) -> None:
    html = page(VIEWS["waiting_asked"], written, held={"portico-code": CODE})
    assert CODE in html
    assert '<svg role="img"' in html
    assert "id.test/continue" in html
    assert CODE not in page(VIEWS["waiting_asked"], written)


def test_a_reference_is_readable_in_two_groups_however_it_is_stored() -> None:
    assert readable("K7WM2QXD") == readable("K7WM-2QXD") == "K7WM 2QXD"


def test_every_class_of_failure_has_its_texts() -> None:
    assert set(FAILURE_TEXTS) == set(FailureClass)
    for failure, texts in FAILURE_TEXTS.items():
        if failure in AT_A_PROVIDER:
            assert texts.short, failure


@pytest.mark.usefixtures("written")
def test_templates_use_only_what_they_are_given() -> None:
    environment = Environment()
    sheets: tuple[PageTemplate, ...] = (*citizens.SHEETS, *public.SHEETS)
    given = {name for sheet in sheets for name in sheet.context}
    known = given | {"_", "hole", "named", "language", "others", "site", "name", "support", "files"}
    for folder in ("citizens", "public", "layouts"):
        for template in (TEMPLATES / folder).glob("*.html"):
            source = template.read_text()
            own = set(re.findall(r"(?:import|macro) (\w+)", source))
            assert meta.find_undeclared_variables(environment.parse(source)) <= known | own, template


def test_a_template_that_is_wrong_keeps_the_broker_from_starting(written: PageRenderer, files: Statics) -> None:
    with pytest.raises(Exception, match=r"no-such|not found"):
        page_renderer(written.languages, SITE, (PageTemplate("x", "citizens/no-such.html"),), files)


def test_an_attribute_that_a_record_does_not_have_keeps_the_broker_from_starting(
    written: PageRenderer, files: Statics
) -> None:
    kinds = dict.fromkeys(FailureClass, SITE)
    sheet = PageTemplate("x", "public/explained.html", {"failure_texts": FAILURE_TEXTS, "kinds": kinds})
    with pytest.raises(UndefinedError, match="SiteInfo has no attribute error"):
        page_renderer(written.languages, SITE, (sheet,), files)


def test_no_wording_or_mark_of_a_government_is_in_the_pages() -> None:
    for path in [*TEMPLATES.rglob("*.html"), *Path(BUILT).glob("portico*.css")]:
        said = path.read_text().lower()
        for mark in ("gov.uk", "crown", "gds transport"):
            assert mark not in said.replace("govuk", ""), (path, mark)


def test_a_provider_that_is_gone_since_and_nothing_to_do_still_make_a_page(written: PageRenderer) -> None:
    view = replace(went_wrong(FailureClass.CANCELLED), card=None, steps=())
    said = text(page(view, written))
    assert "the organisation you chose" in said
    assert "What you can do now" not in said


def test_in_development_each_page_is_compiled_when_it_is_first_asked_for(
    written: PageRenderer, files: Statics, monkeypatch: pytest.MonkeyPatch
) -> None:
    expanded: list[str] = []
    get_template = Environment.get_template

    def count(environment: Environment, name: str, *rest: Any, **more: Any) -> Any:
        expanded.append(name)
        return get_template(environment, name, *rest, **more)

    monkeypatch.setattr(Environment, "get_template", count)
    sheets = (PageTemplate("x", "public/not_found.html"), PageTemplate("y", "citizens/no-such.html"))
    lazy = page_renderer(written.languages, SITE, sheets, files, on_demand=True)
    assert expanded == []
    first = lazy.templates["x", "en"]
    assert expanded.count("public/not_found.html") == 1
    assert lazy.templates["x", "en"] is first
    assert expanded.count("public/not_found.html") == 1
    with pytest.raises(TemplateNotFound):
        lazy.templates["y", "en"]
    with pytest.raises(KeyError):
        lazy.templates["z", "en"]
