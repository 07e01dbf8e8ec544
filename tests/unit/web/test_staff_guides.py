"""Staff console: the script and the guides, shortcuts, what failed before, and what became of a decision."""

import re
from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case_records import Channel, Contact, ContactMethod, Safety
from broker.assisted.guide import ScriptStep, guides, script
from broker.assisted.intake import Intake, Need, Times
from broker.assisted.profiles import default_profiles
from broker.web.staff.guide_pages import SHORTCUTS
from tests.unit.web.staff import CARYS, MEI, RHYS, TOM, Stage
from tests.unit.web.staff_forms import case_in_review, now, prepare_decision

pytestmark = pytest.mark.store

ACCESS_KEY = re.compile(r'accesskey="(.)"')


def test_each_step_has_a_script_for_each_channel_and_both_languages() -> None:
    for step in ScriptStep:
        assert all(script().lines(step, channel) for channel in Channel), step
        assert all({"en", "cy"} <= line.keys() for line in script().lines(step, None))


def test_the_guides_are_for_kinds_of_the_profile_file_in_both_languages() -> None:
    assert guides().kinds.keys() <= default_profiles().kinds.keys()
    texts = [text for kind in guides().kinds.values() for one in kind for text in (one.title, *one.features)]
    assert all({"en", "cy"} <= text.keys() for text in texts)


async def test_each_page_of_a_case_has_its_script_and_the_way_to_help(stage: Stage) -> None:
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    assert "Ask if the person is alone" in (await agent.get(at)).text
    await agent.send(f"{at}/start", at, {"channel": "video", "words": "right"})
    for path, line in (
        ("", "One person is in the picture"),
        ("/evidence/new?kind=passport", "The hologram moves and changes colour"),
        ("/person", "Look in each source yourself"),
        ("/details", "Read the spelling letter by letter"),
    ):
        page = (await agent.get(at + path)).text
        assert line in page
        assert 'href="/help" accesskey="0"' in page
    assert "Take the document in your hand" not in (await agent.get(f"{at}/evidence/new?kind=passport")).text
    assert "Signed in until" in (await agent.get(at)).text


async def test_the_help_page_lists_every_shortcut_that_a_page_has(stage: Stage) -> None:
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    at = await prepare_decision(agent, case)
    pages = (
        "/",
        at,
        f"{at}/evidence/new?kind=passport",
        f"{at}/person",
        f"{at}/details",
        f"{at}/decision",
        "/done/decided",
    )
    found = {key for path in pages for key in ACCESS_KEY.findall((await agent.get(path)).text)}
    assert found == SHORTCUTS.keys() - {"e"}
    shown = (await agent.get("/help")).text
    assert all(f"<kbd>{key}</kbd>" in shown for key in SHORTCUTS)


async def test_an_agent_learns_what_the_second_person_made_of_a_decision(stage: Stage) -> None:
    case, reviewer = await case_in_review(stage)
    agent, at = await stage.sign_in(TOM), f"/cases/{case.id}"
    assert "A second person has not looked at it yet" in (await agent.get("/outcomes")).text
    await reviewer.send(f"{at}/view", f"{at}/view", {"decision": "decline", "decline.face_differs": "yes"})
    form = {"decision": "disagree", "disagree.face_differs": "yes", "note": "The ears are not the same"}
    await reviewer.send(f"{at}/review", f"{at}/review", form)
    page = re.sub(r"\s+", " ", (await agent.get("/outcomes")).text)
    assert "A second person disagreed; The face is another one" in page
    assert MEI.name not in page.split("<main")[1]
    assert "You have not decided anything yet." in (await (await stage.sign_in(CARYS)).get("/outcomes")).text
    assert (await (await stage.sign_in(RHYS)).get("/outcomes")).status_code == 403
    assert "What became of my decisions" in (await agent.get("/")).text
    assert (await now(stage, replace(case))).review is not None


async def test_what_the_citizen_said_stands_on_top_and_opens_the_form_of_their_document(stage: Stage) -> None:
    said = Intake(
        times=(Times.MORNING,),
        language="cy",
        needs=(Need.SIGN_LANGUAGE, Need.HOME_VISIT),
        documents=("identity_card", "passport"),
        helper="Mair, a neighbour",
        name="Ami <Hughes>",
    )
    first, second = Contact(ContactMethod.PHONE, "+441632960001"), Contact(ContactMethod.EMAIL, "ami@mail.example")
    changed = ev.Changed(first, Channel.VIDEO, Safety(), (), second, said)
    case, agent = await stage.case(changed), await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    page = re.sub(r"\s+", " ", (await agent.get(at)).text)
    for text in (
        "Ami &lt;Hughes&gt;",
        "Welsh",
        "sign language; cannot leave home",
        "Mair, a neighbour",
        "in the morning",
        "Also: ami@mail.example",
    ):
        assert text in page, text
    assert "National identity card; Passport" in page
    led = await agent.send(f"{at}/start", at, {"channel": "in_person", "words": "right"})
    assert led.headers["location"].startswith(f"{at}/evidence/new?kind=identity_card")
    other = await stage.sign_in(RHYS)
    await other.send("/open", "/", {"reference": case.reference, "reason": "follow_up"})
    visitor = await stage.sign_in(MEI)
    await visitor.send("/open", "/", {"reference": case.reference, "reason": "follow_up"})
    assert "Mair, a neighbour" not in (await visitor.get(at)).text
