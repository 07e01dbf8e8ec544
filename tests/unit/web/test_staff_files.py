"""What a citizen sent, in the console: who may look, what is recorded, and how a browser gets it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from broker.actions.assisted.context import CaseContext, update_case
from broker.actions.files.context import FileContext
from broker.actions.files.receiving import Sender, receive_at_desk, receive_photo, receive_video
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.assisted.prompts import prompts
from broker.assisted.quality import sample, sheet_form
from broker.model.evidence_file import EvidenceFile, FileContent, FileKind, FilePurpose, FileState
from broker.platform.system import System
from broker.stores.evidence.folder import FolderObjects
from broker.stores.sql_stores import SqlStores
from tests.support.media import mp4, photo
from tests.support.system import FakeRandom
from tests.support.upload_stage import SETTINGS, Untouched
from tests.unit.assisted.cases import verdict
from tests.unit.web.staff import ADA, CARYS, MEI, RHYS, TOM, Ready, StaffClient, Stage, staged
from tests.unit.web.staff_forms import DETAILS, PASSPORT, PERSON, now

pytestmark = pytest.mark.store

PHOTO, VIDEO = photo(), mp4(size=200_000)


@dataclass(frozen=True, slots=True)
class SentStage:
    """The console with a case whose citizen sent a photograph and a video."""

    console: Stage
    files: FileContext
    case: Case
    photo: EvidenceFile
    video: EvidenceFile

    @property
    def path(self) -> str:
        """The page of the case."""
        return f"/cases/{self.case.id}"

    async def looks(self) -> list[tuple[str, str]]:
        """Who looked at which file, by the audit record."""
        events = [event for _, event in await self.console.facts.audit.read(0, 1000)]
        return [(one.actor, one.details["file"]) for one in events if one.kind == "evidence_file_seen"]

    async def agent(self) -> StaffClient:
        """An agent who holds the case and looks at what was sent."""
        client = await self.console.sign_in(CARYS)
        await client.send("/next", "/")
        await client.send(f"{self.path}/start", self.path, {"channel": "sent"})
        return client


async def piece(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
async def at(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[SentStage]:
    made: list[FileContext] = []

    def files(cases: CaseContext, facts: SqlStores) -> FileContext:
        policy = replace(cases.rules.policy, files=replace(SETTINGS, folder=tmp_path / "evidence"))
        knowing = replace(cases, rules=replace(cases.rules, policy=policy))
        objects = {"folder": FolderObjects(tmp_path / "evidence")}
        made.append(FileContext(knowing, facts.evidence_files, objects, "folder", Untouched()))
        return made[0]

    async with staged(console_ready, tmp_path, system, files=files) as console:
        [context] = made
        case = await console.case(channel=Channel.SENT)
        sent = await receive_photo(context, case, FilePurpose.FRONT, piece(PHOTO))
        drawn = FileContent(FilePurpose.PERSON, prompts=prompts(case.phrase, FakeRandom().draw))
        at = system.now()
        prompted = EvidenceFile(
            "drawn-for-a-video", case.id, FileKind.VIDEO, FileState.PROMPTED, at, at + 900, "folder", drawn
        )
        assert await context.records.begin(prompted, 9, at)
        video = await receive_video(context, case, "drawn-for-a-video", piece(VIDEO))
        assert isinstance(sent, EvidenceFile)
        assert isinstance(video, EvidenceFile)
        yield SentStage(console, context, case, sent, video)


async def test_the_holder_sees_photographs_beside_the_evidence_and_plays_the_video(at: SentStage) -> None:
    agent = await at.agent()
    page = (await agent.get(at.path)).text
    assert f'<img src="{at.path}/files/{at.photo.id}"' in page
    assert "<video" not in page
    assert "First: watch the video" in page
    files = await agent.get(f"{at.path}/files")
    assert f'src="{at.path}/files/{at.video.id}"' in files.text
    assert f"says the word “{at.case.phrase.first}”" in files.text
    assert "media-src 'self'" in files.headers["content-security-policy"]
    assert "media-src" not in (await agent.get(at.path)).headers["content-security-policy"]
    assert await at.looks() == []
    for file, content, kind in ((at.photo, PHOTO, "image/jpeg"), (at.video, VIDEO, "video/mp4")):
        answer = await agent.get(f"{at.path}/files/{file.id}")
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, content, kind)
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert await at.looks() == [("staff:carys", at.photo.id), ("staff:carys", at.video.id)]


SIZE = len(VIDEO)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=0-0", 0, 1),
        ("bytes=65535-65536", 65_535, 65_537),
        ("bytes=100000-", 100_000, SIZE),
        ("bytes=-100", SIZE - 100, SIZE),
        (f"bytes=-{SIZE + 50}", 0, SIZE),
        ("bytes=131072-9999999", 131_072, SIZE),
    ],
)
async def test_a_browser_gets_the_part_that_it_asks_for(at: SentStage, asked: str, start: int, stop: int) -> None:
    agent = await at.agent()
    client = replace(agent, headers={**agent.headers, "range": asked})
    answer = await client.get(f"{at.path}/files/{at.video.id}")
    assert (answer.status_code, answer.content) == (206, VIDEO[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(("asked", "status"), [(f"bytes={SIZE}-", 416), ("bytes=5-2", 200), ("bytes=0-1,3-4", 200)])
async def test_a_part_that_is_not_there_is_refused_and_what_is_no_part_is_ignored(
    at: SentStage, asked: str, status: int
) -> None:
    agent = await at.agent()
    client = replace(agent, headers={**agent.headers, "range": asked})
    assert (await client.get(f"{at.path}/files/{at.video.id}")).status_code == status


async def test_nobody_looks_who_does_not_hold_the_case_or_opened_it_as_lead(at: SentStage) -> None:
    where = f"{at.path}/files/{at.photo.id}"
    waiting = await at.console.sign_in(CARYS)
    visitor = await at.console.sign_in(TOM)
    await visitor.send("/open", "/", {"reference": at.case.reference, "reason": "follow_up"})
    for client in (waiting, visitor):
        assert (await client.get(where)).status_code == 404
    assert (await at.console.client(None).get(where)).status_code == 303
    assert await at.looks() == []
    lead = await at.console.sign_in(RHYS)
    assert (await lead.get(where)).status_code == 404
    await lead.send("/open", "/", {"reference": at.case.reference, "reason": "safeguarding"})
    assert (await lead.get(where)).status_code == 200
    assert await at.looks() == [("staff:rhys", at.photo.id)]


async def test_a_file_of_another_case_is_not_found(at: SentStage) -> None:
    other = await at.console.case(channel=Channel.SENT)
    agent = await at.agent()
    assert (await agent.get(f"/cases/{other.id}/files/{at.photo.id}")).status_code == 404
    assert (await agent.get(f"{at.path}/files/unknown")).status_code == 404


async def decide(at: SentStage, agent: StaffClient) -> None:
    for name, page, form in (
        ("evidence/new", "evidence/new?kind=passport", PASSPORT),
        ("person", "person", PERSON),
        ("details", "details", DETAILS),
        ("end", "", {}),
    ):
        await agent.send(f"{at.path}/{name}", f"{at.path}/{page}".rstrip("/"), form)
    await agent.send(f"{at.path}/decision", f"{at.path}/decision", {"decision": "approve"})


async def test_a_case_is_approved_only_after_the_prompts_were_confirmed(at: SentStage) -> None:
    agent = await at.agent()
    assert "The two words were not exchanged" not in (await agent.get(at.path)).text
    done = await agent.send(f"{at.path}/prompts", f"{at.path}/files")
    assert done.headers["location"] == f"{at.path}?told=saved"
    await decide(at, agent)
    after = await now(at.console, at.case)
    assert after.state is CaseState.APPROVED
    assert "prompts_followed" in [move.event for move in after.history]
    assert "words_exchanged" not in [move.event for move in after.history]


async def test_without_confirmed_prompts_no_approval_is_possible(at: SentStage) -> None:
    agent = await at.agent()
    refused = await agent.send(f"{at.path}/words", f"{at.path}/files")
    assert "problem" in refused.headers["location"]
    await decide(at, agent)
    assert (await now(at.console, at.case)).state is CaseState.DECISION


async def test_the_reviewer_sees_the_same_images_before_their_own_view(at: SentStage) -> None:
    agent = await at.agent()
    await agent.send(f"{at.path}/prompts", f"{at.path}/files")
    for name, page, form in (
        ("evidence/new", "evidence/new?kind=passport", PASSPORT | {"check.record": "could_not.source_down"}),
        ("person", "person", PERSON | {"check.active_months": "could_not.source_down"}),
        ("details", "details", DETAILS),
        ("end", "", {}),
    ):
        await agent.send(f"{at.path}/{name}", f"{at.path}/{page}".rstrip("/"), form)
    await agent.send(f"{at.path}/decision", f"{at.path}/decision", {"decision": "decline", "decline.no_match": "1"})
    case = await now(at.console, at.case)
    if case.state is not CaseState.REVIEW:
        case = replace(case, state=CaseState.REVIEW, version=case.version + 1, agent=CARYS.id, lease=None)
        assert await at.console.facts.cases.save(case, ())
    reviewer = await at.console.sign_in(MEI)
    await reviewer.send("/next", "/")
    for page in (at.path, f"{at.path}/view"):
        assert f'<img src="{at.path}/files/{at.photo.id}"' in (await reviewer.get(page)).text
    assert (await reviewer.get(f"{at.path}/files/{at.photo.id}")).status_code == 200
    assert ("staff:mei", at.photo.id) in await at.looks()


async def test_nothing_is_shown_any_more_once_the_citizen_withdrew(at: SentStage) -> None:
    agent = await at.agent()
    await update_case(at.files.cases, at.case.id, ev.Withdrawn())
    assert (await agent.get(f"{at.path}/files/{at.photo.id}")).status_code == 404
    assert await at.files.records.of_case(at.case.id, at.console.system.now()) == []


async def test_a_photograph_of_a_desk_says_where_it_was_made(at: SentStage) -> None:
    async def take(ready: EvidenceFile) -> bool:
        return await at.files.records.save(ready, FileState.QUARANTINE)

    sender = Sender("desk:post-office:clerk-7", take)
    made = await receive_at_desk(at.files, at.case, (FileKind.PHOTO, FilePurpose.PERSON), piece(PHOTO), sender)
    assert isinstance(made, EvidenceFile)
    agent = await at.agent()
    for page in (at.path, f"{at.path}/files"):
        text = (await agent.get(page)).text
        assert "The citizen’s face" in text
        assert text.count("(at the counter of a partner)") == 1


@pytest.fixture
async def sheet(at: SentStage) -> str:
    """The path of the score sheet of a decision of Carys."""
    sampled = sample(at.case, verdict(by=CARYS.id), "f" * 32, at.console.system.now(), 7 * 86400)
    case = await now(at.console, at.case)
    assert await at.console.facts.cases.save(replace(case, version=case.version + 1), (), CaseWork(samples=(sampled,)))
    return f"/quality/{sampled.id}"


async def test_the_assessor_of_a_drawn_case_sees_what_was_sent_and_each_look_is_recorded(
    at: SentStage, sheet: str
) -> None:
    second = await at.console.sign_in(MEI)
    page = await second.get(sheet)
    assert f'<img class="pt-image" src="{sheet}/files/{at.photo.id}"' in page.text
    assert f'<video class="pt-image" src="{sheet}/files/{at.video.id}"' in page.text
    assert "Its word is an old one" not in page.text
    assert "media-src 'self'" in page.headers["content-security-policy"]
    assert await at.looks() == []
    photo = await second.get(f"{sheet}/files/{at.photo.id}")
    assert (photo.status_code, photo.content, photo.headers["cache-control"]) == (200, PHOTO, "no-store")
    part = await replace(second, headers={**second.headers, "range": "bytes=0-9"}).get(f"{sheet}/files/{at.video.id}")
    assert (part.status_code, part.content) == (206, VIDEO[:10])
    assert await at.looks() == [("staff:mei", at.photo.id), ("staff:mei", at.video.id)]


async def test_files_of_a_drawn_case_are_for_the_assessor_alone(at: SentStage, sheet: str) -> None:
    other = await at.console.case(channel=Channel.SENT)
    stranger = await receive_photo(at.files, other, FilePurpose.FRONT, piece(PHOTO))
    assert isinstance(stranger, EvidenceFile)
    second, agent, admin = [await at.console.sign_in(member) for member in (MEI, CARYS, ADA)]
    for client, path in (
        (agent, f"{sheet}/files/{at.photo.id}"),
        (admin, f"{sheet}/files/{at.photo.id}"),
        (second, f"{sheet}/files/{stranger.id}"),
        (second, f"/quality/unknown/files/{at.photo.id}"),
    ):
        assert (await client.get(path)).status_code == 404, path
    marks = {f"mark.{name}": "met" for name in sheet_form().sections}
    assert (await second.send(sheet, sheet, marks)).headers["location"] == "/quality?told=scored"
    assert (await second.get(f"{sheet}/files/{at.photo.id}")).status_code == 404
    assert await at.looks() == []


async def test_a_score_sheet_says_that_what_was_sent_is_no_longer_kept(at: SentStage, sheet: str) -> None:
    second = await at.console.sign_in(MEI)
    await update_case(at.files.cases, at.case.id, ev.Withdrawn())
    assert (await second.get(f"{sheet}/files/{at.photo.id}")).status_code == 404
    assert "What the citizen sent is no longer kept" in (await second.get(sheet)).text
