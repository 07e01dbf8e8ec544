"""Long journeys of help from a person in Chromium: by keyboard alone, by sending, after a declined case, a freeze."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import expect

from tests.e2e.app_harness import Ahead, Stage, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import SCRIPT, Newcomer
from tests.e2e.raw_client import SOON, eventually
from tests.e2e.staff_page import CARYS, LOOK_UPS, MEI, RHYS, TOM, Colleague, review
from tests.e2e.test_assisted_verification import code_in_the_inbox, takes_up
from tests.support.keyboard import Keyboard
from tests.support.media import mp4, photo

CORRECTION = 25
"""Seconds in which an agent may correct a decision. The sample service, which has the real clock, accepts tokens of the
next two minutes, in which all that pass in these tests fit."""
AHEAD = Ahead()


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage whose queue holds only the cases of these tests, with a time for corrections."""
    changes = {"correction = 0": f"correction = {CORRECTION}\nrandom_review = 0.0\nrandom_review_declines = 0.0"}
    script = replace(SCRIPT, edits={"broker.toml": {**SCRIPT.edits["broker.toml"], **changes}})
    async with staged(tmp_path_factory.mktemp("journeys"), script, AHEAD.system) as running:
        yield running


async def fails_and_asks(citizen: Citizen, way: str, address: str) -> None:
    """A provider cannot confirm the citizen, who then asks for a person."""
    await citizen.begin("move")
    await citizen.choose(NORTHBANK)
    await citizen.play("not_verified")
    await citizen.page.goto(f"{citizen.page.url}/help")
    await citizen.page.get_by_role("radio", name=way).check()
    await citizen.page.get_by_role("radio", name="Email address").check()
    await citizen.page.locator("#email").fill(address)
    await citizen.press("Ask for help")


async def staff(newcomer: Newcomer, stage: Stage, who: str, **options: object) -> Colleague:
    """A signed-in member of staff with a browser of their own."""
    colleague = Colleague((await newcomer(stage, **options)).page, stage)
    await colleague.sign_in(who)
    return colleague


async def words_of(citizen: Citizen) -> str:
    """The two words on the citizen's page."""
    return " ".join(await citizen.page.locator(".pt-words dd").all_inner_texts())


async def sends_everything(citizen: Citizen) -> None:
    """Takes a photograph with the camera, sends another one and a video from files, and hands all of it over."""
    page = citizen.page
    await citizen.press("Send photos and a video")
    box = page.locator("[data-camera=photo]")
    await box.get_by_role("button", name="Use the camera of this device").click()
    await expect(box.get_by_role("button", name="Take the photo")).to_be_focused()
    assert await page.locator("#photo").evaluate("field => field.files.length") == 0
    await page.wait_for_function("document.querySelector('[data-camera=photo] video').videoWidth > 0")
    await page.keyboard.press("Enter")
    await expect(box.get_by_role("button", name="Take it again")).to_be_focused()
    await expect(box).to_contain_text("Can you read every word?")
    await page.keyboard.press("Enter")
    await box.get_by_role("button", name="Take the photo").click()
    await expect(box.locator("canvas")).to_be_visible()
    assert "What we have from you" not in await page.inner_text("main"), "nothing is sent by itself"
    await citizen.press("Send the photo")
    await citizen.reads("Photo: the side with your picture or your name")
    await page.get_by_role("radio", name="The other side").check()
    await page.locator("#photo").set_input_files({"name": "back.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    await citizen.press("Send the photo")
    await citizen.reads("Photo: the other side")
    await citizen.press("Show me the steps")
    await page.locator("#video").set_input_files({"name": "me.mp4", "mimeType": "video/mp4", "buffer": mp4()})
    await citizen.press("Send the video")
    await citizen.reads("Video of you")
    await citizen.press("Everything is there: look at it")


async def test_photographs_and_a_video_are_enough_and_a_notice_can_stop_the_identity(
    stage: Stage, newcomer: Newcomer
) -> None:
    citizen, address = await newcomer(stage), "sent@mail.example"
    await fails_and_asks(citizen, "I send photos and a video", address)
    said = await words_of(citizen)
    await sends_everything(citizen)

    agent = await staff(newcomer, stage, TOM)
    await agent.take_next()
    await agent.press("Start the session")
    at = agent.page.url
    await agent.page.locator("a[href$='/files']").first.click()
    await expect(agent.page.locator("main img")).to_have_count(2)
    await expect(agent.page.locator("main video")).to_have_count(1)
    await agent.press("Yes, all of it was right")
    await agent.page.goto(f"{at.partition('?')[0]}/evidence/new?kind=passport")
    await agent.record()
    await agent.decide("approve")
    await agent.sees("Your decision is recorded")
    await passes(citizen)
    await review(await staff(newcomer, stage, MEI))
    await takes_up(citizen, address, said)
    await citizen.share()
    await citizen.arrives()
    await citizen.reads("Tell us you have moved: assurance substantial, Amina Hughes")
    await stops_and_releases(citizen, await staff(newcomer, stage, RHYS), address)


async def test_a_decision_is_corrected_and_other_people_take_a_new_look(stage: Stage, newcomer: Newcomer) -> None:
    citizen, address = await newcomer(stage), "again@mail.example"
    await fails_and_asks(citizen, "By video", address)
    agent = await staff(newcomer, stage, TOM)
    await agent.take_next()
    await agent.talk()
    await agent.record()
    await agent.decide("approve")
    await agent.sees("Your decision is recorded")
    await agent.page.goto(stage.console)
    await agent.page.locator("main a[href^='/cases/']").first.click()
    await agent.press("Take the decision back and decide again")
    await agent.press("Decide")
    await agent.decide("decline", "details_differ")
    await agent.sees("Your decision is recorded")
    await passes(citizen)
    await citizen.sees("We could not confirm your identity")
    await citizen.press("Read why")
    await citizen.reads("What the documents say and what you told us did not agree.")
    await printed(citizen)
    await citizen.press("Ask for a new look")
    await citizen.reads("Other people take a new look")
    said = await words_of(citizen)

    again = await staff(newcomer, stage, CARYS)
    await again.take_next()
    assert " ".join(await again.talk()) == said
    await again.press("Change Passport")
    await again.answer(("face",))
    await again.press("Save")
    await again.press("The session is over")
    await again.press("Decide")
    await again.decide("approve")
    await again.sees("Your decision is recorded")
    await passes(citizen)
    await takes_up(citizen, address, said)
    await citizen.share()
    await citizen.arrives()
    await citizen.reads("Tell us you have moved: assurance substantial, Amina Hughes")


async def printed(citizen: Citizen) -> None:
    """The page on paper has the reference, and nothing to press."""
    await citizen.page.emulate_media(media="print")
    await citizen.reads("Your reference is")
    await expect(citizen.page.locator("button:visible:not([aria-hidden]), textarea:visible")).to_have_count(0)
    await citizen.page.emulate_media(media="screen")


async def passes(citizen: Citizen) -> None:
    """The time for a correction passes, after which the decision takes effect."""
    AHEAD.advance(CORRECTION + 1)
    await citizen.page.reload()


async def stops_and_releases(citizen: Citizen, lead: Colleague, address: str) -> None:
    """The person whose identity it is stops it by the link in the message, and a lead lets it go on."""
    tab = await citizen.another_tab()
    link, reference = await notice(tab, address)
    await tab.page.goto(link)
    await tab.sees("Was this you?")
    await tab.press("It was not me: stop it")
    await tab.sees("The identity was stopped")
    await lead.open(reference)
    await lead.reads("The identity is stopped since")
    act = lead.page.locator("details", has_text="Release the identity")
    await act.locator("summary").click()
    await act.get_by_role("button").click()
    await lead.sees("It is recorded")
    await lead.open(reference)
    await expect(lead.page.locator("main")).not_to_contain_text("The identity is stopped since")
    await lead.reads("Used")


async def notice(tab: Citizen, address: str) -> tuple[str, str]:
    """The link and the reference of "was this you?", as the inbox of the demonstration shows them."""
    found: list[tuple[str, str]] = []

    async def arrived() -> bool:
        await tab.page.goto(f"{tab.stage.service}/inbox")
        for text in await tab.page.locator("section.notice").all_inner_texts():
            link, reference = re.search(r"http\S+/freeze/[\w-]+", text), re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", text)
            if address in text and link and reference:
                found.append((link[0], reference[0]))
        return bool(found)

    await eventually(SOON, arrived)
    return found[0]


async def test_three_people_by_keyboard_alone_and_without_script(stage: Stage, newcomer: Newcomer) -> None:
    """From a failed provider to the service's page. The simulated provider's page alone is used with a mouse."""
    address = "keys@mail.example"
    citizen = await newcomer(stage, script=False)
    keys = Keyboard(citizen.page)
    await citizen.begin("move")
    await choose_by_name(keys, NORTHBANK)
    await citizen.play("not_verified")
    await keys.press("a[href$='/help']")
    await keys.press('form[action$="/help"] button.govuk-button')
    await expect(citizen.page.locator(".govuk-error-summary")).to_be_focused()
    await keys.press(".govuk-error-summary a")
    await expect(citizen.page.locator("#channel")).to_be_focused()
    await citizen.page.keyboard.press("Space")
    await keys.pick("video")
    await keys.choose("way", "email")
    await keys.write("#email", address)
    await keys.press('form[action$="/help"] button.govuk-button')
    await citizen.sees("You are in line")
    said = await words_of(citizen)

    at = await takes_and_records(await staff_by_keyboard(newcomer, stage, TOM))
    await passes(citizen)
    await reviews(await staff_by_keyboard(newcomer, stage, MEI), at)
    await citizen.page.reload()
    await keys.press('form[action$="/code"] button')
    await keys.write("#code", await code_in_the_inbox(citizen, address))
    await keys.write("#words", said)
    await keys.press('form[action$="/bind"] button.govuk-button')
    await citizen.sees("Check what you share")
    await keys.press('button[name="agree"][value="yes"]')
    await citizen.arrives()
    await citizen.reads("Tell us you have moved: assurance substantial, Amina Hughes")


async def staff_by_keyboard(newcomer: Newcomer, stage: Stage, who: str) -> Keyboard:
    """A signed-in member of staff with a browser without script. At the provider of staff the mouse is used."""
    keys = Keyboard((await staff(newcomer, stage, who, script=False)).page)
    cookies = {str(one.get("name")): one for one in await keys.page.context.cookies()}
    session = cookies.pop("__Host-portico-staff")
    kept = (session.get("httpOnly"), session.get("secure"), session.get("sameSite"), session.get("expires"))
    assert kept == (True, True, "Lax", -1)
    # browsers share cookies across the ports of one host: the other one is the simulated provider's own
    assert set(cookies) == {"simulator-staff"}
    return keys


async def takes_and_records(agent: Keyboard) -> str:
    """An agent verifies the next citizen by keyboard alone; gives the path of the case."""
    await agent.press('form[action="/next"] button')
    at = agent.page.url.rpartition("/cases/")[2]
    await agent.press(f'form[action="/cases/{at}/start"] button[value="right"]')
    for field, text in (("number", "PQ8812345"), ("country", "GBR"), ("expires", "2031-04-09")):
        await agent.write(f"#at-{field}", text)
    await agent.answer(("seen", "valid", "features", "details_match", "face"))
    await agent.write("#source-issuer", "Passport Office")
    await agent.write("#reference-issuer", "PO-77/2")
    await agent.answer(("record",))
    await agent.press("main form .govuk-button")
    for look_up in LOOK_UPS:
        await agent.write(f"#source-{look_up}", "The register")
        await agent.write(f"#reference-{look_up}", "R-2027/1")
        await agent.press(f'[name="lookup.{look_up}"]', "Space")
    await agent.press("main form .govuk-button")
    for field, text in (("given_name", "Amina"), ("family_name", "Hughes"), ("birthdate", "1987-04-12")):
        await agent.write(f"#at-{field}", text)
    await agent.press('main form .govuk-button[value="over"]')
    await agent.press("#decision-approve", "Space")
    await agent.press(f'form[action="/cases/{at}/decision"] button')
    assert await agent.page.inner_text("h1") == "Your decision is recorded"
    return at


async def reviews(reviewer: Keyboard, case: str) -> None:
    """The second person writes down a view of their own, sees the agent's decision, and agrees."""
    at = f"/cases/{case}"
    await reviewer.press('form[action="/next"] button')
    assert "What the agent decided" not in await reviewer.page.inner_text("main")
    await reviewer.press(f'a[href="{at}/view"]')
    seen = await reviewer.page.inner_text("main")
    for text in ("PQ8812345", "In date until 9 April 2031.", "Passport Office, reference PO-77/2"):
        assert text in seen
    await reviewer.press("#decision-approve", "Space")
    await reviewer.press(f'form[action="{at}/view"] button')
    await reviewer.press(f'a[href="{at}/review"]')
    await reviewer.press("#decision-agree", "Space")
    await reviewer.press(f'form[action="{at}/review"] button')
    assert await reviewer.page.inner_text("h1") == "Your review is recorded"


async def choose_by_name(keys: Keyboard, name: str) -> None:
    """Chooses a way on the picker, and continues with Enter."""
    value = await keys.page.get_by_role("radio", name=re.compile(f"^{name}")).get_attribute("value")
    await keys.choose("provider", value or "")
    async with keys.page.expect_navigation():
        await keys.page.keyboard.press("Enter")
