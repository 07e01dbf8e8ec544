"""Send it yourself, as the citizen lives it: the page, its forms, and what staff then see."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from broker.actions.files.erasing import sweep
from broker.actions.files.receiving import Sender, receive_at_desk
from broker.assisted.case_states import CaseState
from broker.model.evidence_file import EvidenceFile, FileKind, FilePurpose, FileState, UploadFault
from broker.web.citizens.upload_pages import FAULTS, PROMPTS
from tests.support.media import mp4, photo, webm
from tests.support.system import FakeClock
from tests.support.upload_stage import Untouched, UploadStage, form, sending, token
from tests.unit.web.texts import registry

pytestmark = pytest.mark.store


@pytest.fixture
async def at(migrated_facts: Path, tmp_path: Path, clock: FakeClock) -> AsyncIterator[UploadStage]:
    async with sending(migrated_facts, tmp_path, clock, photos=Untouched()) as stage:
        yield stage


@pytest.fixture
async def browser(at: UploadStage) -> AsyncIterator[httpx.AsyncClient]:
    async with at.browser() as opened:
        yield opened


async def look(at: UploadStage, browser: httpx.AsyncClient) -> str:
    page = await browser.get(at.path)
    assert page.status_code == 200, page.text
    return page.text


async def send(
    at: UploadStage, browser: httpx.AsyncClient, content: bytes, kind: str = "photo", **fields: str
) -> httpx.Response:
    page = await look(at, browser)
    body, headers = form({"token": token(page), **fields}, content)
    return await browser.post(f"{at.path}/{kind}", content=body, headers=headers)


async def press(at: UploadStage, browser: httpx.AsyncClient, button: str, **fields: str) -> httpx.Response:
    page = await look(at, browser)
    return await browser.post(f"{at.path}/{button}", data={"token": token(page), **fields})


async def prompted(at: UploadStage, browser: httpx.AsyncClient) -> str:
    await press(at, browser, "prompts")
    found = re.search(r'name="prompted" value="([^"]+)"', await look(at, browser))
    assert found is not None
    return found[1]


async def test_photos_and_a_video_are_sent_and_handed_over(at: UploadStage, browser: httpx.AsyncClient) -> None:
    assert "Send photos and a video" in (await browser.get(f"/journey/{at.handle}")).text
    assert (await send(at, browser, photo(), purpose="front")).headers["location"] == at.path
    assert (await send(at, browser, photo(), purpose="back")).status_code == 303
    early = await press(at, browser, "done")
    assert early.status_code == 422
    assert "Send a video of you first." in early.text
    video = await send(at, browser, mp4(), "video", prompted=await prompted(at, browser))
    assert video.status_code == 303
    page = await look(at, browser)
    assert "Photo: the side with your picture or your name" in page
    assert "Video of you" in page
    assert (await press(at, browser, "done")).headers["location"] == f"/journey/{at.handle}"
    case = await at.stage.case(at.handle)
    assert case.state is CaseState.QUEUED
    assert "We have what you sent" in (await browser.get(f"/journey/{at.handle}")).text
    kinds = [event.kind for event in await at.stage.audit() if event.kind.startswith("evidence_file")]
    assert kinds == ["evidence_file_received"] * 3


async def test_prompts_hold_the_first_word_and_only_the_asking_browser_draws_them(
    at: UploadStage, browser: httpx.AsyncClient
) -> None:
    word = (await at.stage.case(at.handle)).phrase.first
    assert word not in await look(at, browser)
    await press(at, browser, "prompts")
    page = await look(at, browser)
    assert f"Say this word: {word}" in page
    assert sum(text in page for text in PROMPTS.values()) == 2


async def test_a_video_needs_prompts_that_are_this_case_s_and_not_over(
    at: UploadStage, browser: httpx.AsyncClient, clock: FakeClock
) -> None:
    old = await prompted(at, browser)
    new = await prompted(at, browser)
    over = await send(at, browser, mp4(), "video", prompted=old)
    assert FAULTS[UploadFault.PROMPTS_OVER] in over.text
    clock.advance(15 * 60)
    assert FAULTS[UploadFault.PROMPTS_OVER] in (await send(at, browser, mp4(), "video", prompted=new)).text
    assert [file.state for file in await at.files()] == []


async def test_after_a_refused_video_another_one_is_sent_for_the_same_prompts(
    at: UploadStage, browser: httpx.AsyncClient
) -> None:
    prompts = await prompted(at, browser)
    before = [file.content.prompts for file in await at.files()]
    for content, fault in ((mp4(120), UploadFault.TOO_LONG), (mp4(tracks=[b"soun"]), UploadFault.NO_PICTURE)):
        refused = await send(at, browser, content, "video", prompted=prompts)
        assert refused.status_code == 422
        assert FAULTS[fault].format(seconds="1 minute") in refused.text
    assert (await send(at, browser, webm(), "video", prompted=prompts)).status_code == 303
    [file] = await at.files()
    assert (file.state, file.content.type, [file.content.prompts]) == (FileState.READY, "video/webm", before)


async def test_prompts_are_drawn_so_often_and_no_more(at: UploadStage, browser: httpx.AsyncClient) -> None:
    answers = [await press(at, browser, "prompts") for _ in range(14)]
    assert [answer.status_code for answer in answers] == [303] * 12 + [422] * 2


async def test_a_file_that_was_sent_by_mistake_is_removed(at: UploadStage, browser: httpx.AsyncClient) -> None:
    await send(at, browser, photo(), purpose="other")
    [file] = await at.files()
    assert (file.kind, file.content.purpose, len(at.stored())) == (FileKind.PHOTO, FilePurpose.OTHER, 1)
    await press(at, browser, "remove", id="another-file")
    assert len(await at.files()) == 1
    await press(at, browser, "remove", id=file.id)
    assert (await at.files(), at.stored()) == ([], [])
    assert [event.kind for event in await at.stage.audit()][-1] == "evidence_file_removed"


async def test_no_more_files_than_allowed_are_taken(at: UploadStage, browser: httpx.AsyncClient) -> None:
    answers = [await send(at, browser, photo(), purpose="front") for _ in range(9)]
    assert [answer.status_code for answer in answers] == [303] * 8 + [422]
    assert FAULTS[UploadFault.TOO_MANY] in answers[-1].text
    assert len(at.stored()) == 8


async def test_everything_is_erased_when_the_citizen_withdraws(at: UploadStage, browser: httpx.AsyncClient) -> None:
    await send(at, browser, photo(), purpose="front")
    await send(at, browser, mp4(), "video", prompted=await prompted(at, browser))
    assert len(at.stored()) == 2
    page = await look(at, browser)
    await browser.post(f"/journey/{at.handle}/withdraw", data={"token": token(page)})
    assert {file.expires for file in await at.context.records.due(at.clock.now(), 9)} == {at.clock.now()}
    assert await sweep(at.context) == 2
    assert at.stored() == []
    assert [event.kind for event in await at.stage.audit("evidence_file_erased")] == ["evidence_file_erased"] * 2
    assert await sweep(at.context) == 0


async def test_a_form_of_another_site_or_browser_stores_nothing(at: UploadStage, browser: httpx.AsyncClient) -> None:
    body, headers = form({"token": "no token", "purpose": "front"}, photo())
    foreign = await browser.post(f"{at.path}/photo", content=body, headers=headers)
    assert foreign.headers["location"] == f"{at.path}?problem=again"
    body, headers = form({"token": token(await look(at, browser)), "purpose": "front"}, photo())
    elsewhere = await browser.post(
        f"{at.path}/photo", content=body, headers={**headers, "sec-fetch-site": "cross-site"}
    )
    assert elsewhere.headers["location"] == f"{at.path}?problem=again"
    async with at.browser("another-secret") as other:
        assert (await other.post(f"{at.path}/photo", content=body, headers=headers)).status_code == 404
        assert (await other.get(at.path)).status_code == 404
    assert (await at.files(), at.stored()) == ([], [])


async def test_what_was_typed_first_is_the_token_and_an_unknown_field_is_refused(
    at: UploadStage, browser: httpx.AsyncClient
) -> None:
    refused = await send(at, browser, photo(), purpose="front", expires="never")
    assert FAULTS[UploadFault.FORM] in refused.text
    assert at.stored() == []


@pytest.mark.parametrize("language", ["cy", "ar"])
async def test_refusals_are_in_the_citizen_s_language(at: UploadStage, language: str) -> None:
    async with at.browser(language=language) as opened:
        answer = await send(at, opened, b"GIF89a" + bytes(100), purpose="front")
    text = registry(language).get(FAULTS[UploadFault.WRONG_TYPE])
    assert text is not None
    assert text.string
    assert str(text.string) in answer.text


async def test_documents_are_sent_in_advance_in_the_other_channels(
    migrated_facts: Path, tmp_path: Path, clock: FakeClock
) -> None:
    async with sending(migrated_facts, tmp_path, clock, "video", Untouched()) as at, at.browser() as browser:
        assert "in advance" in (await browser.get(f"/journey/{at.handle}")).text
        page = await look(at, browser)
        assert "Send your documents in advance" in page
        assert "A short video of you" not in page
        assert (await send(at, browser, photo(), purpose="front")).status_code == 303
        assert len(await at.files()) == 1


async def test_a_citizen_neither_sees_nor_removes_a_photograph_of_a_desk(
    at: UploadStage, browser: httpx.AsyncClient
) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield photo()

    async def take(ready: EvidenceFile) -> bool:
        return await at.context.records.save(ready, FileState.QUARANTINE)

    case, sender = await at.stage.case(at.handle), Sender("desk:post-office:clerk-7", take)
    made = await receive_at_desk(at.context, case, (FileKind.PHOTO, FilePurpose.OTHER), content(), sender)
    assert isinstance(made, EvidenceFile)
    assert "Photo: another document" not in await look(at, browser)
    await press(at, browser, "remove", id=made.id)
    assert [file.id for file in await at.files()] == [made.id]
