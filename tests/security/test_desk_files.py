"""Photographs of partner desks over HTTP: taken with the visit or not at all, and hostile ones are refused."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from broker.actions.assisted.context import update_case
from broker.actions.desk.problems import FILE_FAULTS
from broker.actions.files.context import FileContext, names
from broker.actions.files.looking import open_file
from broker.actions.files.receiving import stored
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.crypto.seal_stream import chunks_of
from broker.model.evidence_file import EvidenceFile, FileKind, FilePurpose, FileSettings, FileState, UploadFault
from broker.web.desk import routes
from broker.web.desk.reading import file_plan
from broker.wiring.assisted_wiring import file_context
from tests.security.desk_stage import ANN, Desk, DeskStage, desk_stage, problem
from tests.security.hostile_files import PAYLOAD, HostileFile, hostile_files
from tests.support.media import mp4, photo
from tests.support.upload_stage import BOUNDARY, form

pytestmark = pytest.mark.store

PHOTO = photo()
END = f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
async def desks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DeskStage]:
    """One broker for the tests of a database."""
    folder = tmp_path_factory.mktemp("files")
    if request.param == "sqlite":
        async with desk_stage(folder, None) as stage:
            yield stage
        return
    server = request.getfixturevalue("postgres_server")
    server.start()
    with server.database() as url:
        async with desk_stage(folder, url) as stage:
            yield stage


def context_of(desks: DeskStage) -> FileContext:
    """What the broker handles files with."""
    found = file_context(desks.parts)
    assert found is not None
    return found


async def files_of(desks: DeskStage, case: str) -> list[EvidenceFile]:
    """The records of a case, in any state."""
    return list(await context_of(desks).records.of_case(case, 0.0))


def stored_names(desks: DeskStage) -> list[str]:
    """The names of what lies in the folder."""
    folder = desks.parts.settings.broker.assisted.files.folder
    assert folder is not None
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def at_desk(desks: DeskStage) -> Case:
    """A case whose citizen stands at the counter of the post office."""
    made = await desks.asks()
    assert (await desks.post.accept(made.id)).status_code == 200
    return made


async def nothing_taken(desks: DeskStage, case: str) -> None:
    """Checks that a refused photograph left nothing: no record, no bytes, no line in the history."""
    stored_case = await desks.nothing_half_done(case)
    assert stored_case.desk is None or stored_case.desk.files == ()
    assert await files_of(desks, case) == []
    assert stored_names(desks) == []


async def cleared(desks: DeskStage, case: str) -> None:
    """Removes the files of a case, so that the next test finds an empty folder."""
    context = context_of(desks)
    for file in await files_of(desks, case):
        for name in names(file):
            await context.store(file).delete(name)
        await context.records.delete(file.id)


async def test_a_photograph_is_taken_with_the_visit_and_staff_look_at_it(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    await post.visit(made)
    sent = await post.send_file(made.id, PHOTO + PAYLOAD, purpose="person")
    assert sent.status_code == 200, sent.text
    [file] = await files_of(desks, made.id)
    assert sent.json()["visit"]["files"] == [file.id]
    assert (file.state, file.content.purpose, file.content.by) == (
        FileState.READY,
        FilePurpose.PERSON,
        "desk:land-register:clerk-7",
    )
    row = (await desks.events(made.id))[-1]
    assert (row.kind, row.details["reason"], row.details["location"]) == (
        "case_desk_file_received",
        file.id,
        "market-street",
    )
    assert (await post.result(made.id, "approve")).status_code == 202
    await desks.nothing_half_done(made.id)
    await update_case(desks.cases, made.id, ev.ReviewClaimed(ANN.id))
    shown = await open_file(context_of(desks), desks.present(ANN), made.id, file.id, None)
    assert shown is not None
    content = b"".join([piece async for piece in shown.pieces])
    assert Image.open(io.BytesIO(content)).format == "JPEG"
    assert PAYLOAD not in content
    assert (await desks.events(made.id))[-1].kind == "evidence_file_seen"
    await cleared(desks, made.id)


async def test_a_repeated_photograph_is_one_and_its_key_takes_no_other(desks: DeskStage) -> None:
    made, post = await at_desk(desks), desks.post
    first = await post.send_file(made.id, PHOTO, "photo-1")
    assert first.status_code == 200, first.text
    again = await post.send_file(made.id, PHOTO, "photo-1")
    assert (again.status_code, again.content) == (200, first.content)
    problem(await post.send_file(made.id, photo(800, 600), "photo-1"), 422, "idempotency_key_reused")
    problem(await post.send_file(made.id, PHOTO, "photo-1", purpose="back"), 422, "idempotency_key_reused")
    problem(await post.record(made.id, "photo-1", piece="words", first="x"), 422, "idempotency_key_reused")
    assert [file.id for file in await files_of(desks, made.id)] == first.json()["visit"]["files"]
    moves = [move.event for move in (await desks.nothing_half_done(made.id)).history]
    assert moves.count("desk_file_received") == 1
    await cleared(desks, made.id)


async def test_only_the_visit_that_holds_the_case_sends_photographs(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    problem(await post.send_file(made.id, PHOTO), 404, "case_not_found")
    assert (await post.accept(made.id)).status_code == 200
    station = Desk(desks.line, post.service, "station", token=post.token)
    for other in (station, desks.library):
        problem(await other.send_file(made.id, PHOTO), 404, "case_not_found")
    problem(await post.send_file("case-of-no-one", PHOTO), 404, "case_not_found")
    assert (await post.result(made.id, "decline", reasons=["face_differs"])).status_code == 202
    problem(await post.send_file(made.id, PHOTO), 409, "not_now")
    await nothing_taken(desks, made.id)


async def sent_slowly(desks: DeskStage, made: Case, meanwhile: Callable[[], Awaitable[None]]) -> httpx.Response:
    """Sends a photograph; `meanwhile` happens when its first bytes were received."""
    digest = hashlib.sha256(PHOTO).hexdigest()
    named = {"agent_id": "clerk-7", "location_id": "market-street", "purpose": "front", "sha256": digest}
    body, head = form(named, PHOTO)

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:3000]
        while not await files_of(desks, made.id):
            await asyncio.sleep(0)
        await meanwhile()
        yield body[3000:]

    return await desks.post.send_body(f"/desk/v1/cases/{made.id}/files", slowly(), None, head)


@pytest.mark.parametrize("end", ["result", "withdrawn", "lapsed"])
async def test_a_visit_that_ends_while_a_photograph_arrives_takes_it_no_more(desks: DeskStage, end: str) -> None:
    made, post = await at_desk(desks), desks.post

    async def ends() -> None:
        match end:
            case "result":
                assert (await post.result(made.id, "decline", reasons=["face_differs"])).status_code == 202
            case "withdrawn":
                await update_case(desks.cases, made.id, ev.Withdrawn())
            case _:
                await desks.lapse(made)

    problem(await sent_slowly(desks, made, ends), 409, "not_now")
    await nothing_taken(desks, made.id)


async def test_a_photograph_and_another_piece_at_the_same_time_are_both_taken(desks: DeskStage) -> None:
    made, post = await at_desk(desks), desks.post

    async def records() -> None:
        assert (await post.record(made.id, piece="words", first=made.phrase.first)).status_code == 200

    answer = await sent_slowly(desks, made, records)
    assert answer.status_code == 200, answer.text
    assert answer.json()["visit"]["answer_word"] == made.phrase.second
    await desks.nothing_half_done(made.id)
    await cleared(desks, made.id)


def hostile_photographs() -> list[HostileFile]:
    """Photographs, one of each kind of refusal and those that hide something."""
    known, chosen = set(), []
    for file in hostile_files():
        if file.kind == "photo" and (file.faults not in known or "polyglot" in file.name):
            known.add(file.faults)
            chosen.append(file)
    return chosen


async def test_hostile_photographs_are_refused_by_name_or_made_harmless(desks: DeskStage) -> None:
    made, post = await at_desk(desks), desks.post
    files = hostile_photographs()
    assert len(files) >= 8
    context = context_of(desks)
    for file in files:
        answer = await post.send_file(made.id, file.content)
        if answer.status_code == 200:
            assert None in file.faults, file.name
            [kept] = await files_of(desks, made.id)
            chunks = range(chunks_of(kept.content.size))
            content = b"".join([piece async for piece in stored(context, kept, names(kept)[1], chunks)])
            assert PAYLOAD not in content, file.name
            await cleared(desks, made.id)
        else:
            fault = UploadFault(answer.json()["code"])
            assert fault in file.faults, (file.name, fault)
            problem(answer, FILE_FAULTS[fault][0], fault.value)
        assert (await files_of(desks, made.id), stored_names(desks)) == ([], []), file.name
    await desks.nothing_half_done(made.id)


async def test_hostile_forms_are_refused_and_leave_nothing(desks: DeskStage) -> None:
    made, post = await at_desk(desks), desks.post
    path = f"/desk/v1/cases/{made.id}/files"
    named = {"agent_id": "clerk-7", "location_id": "market-street", "purpose": "front", "sha256": "0" * 64}
    whole, head = form(named, PHOTO)

    async def endless() -> AsyncIterator[bytes]:
        yield whole[: -len(END)]
        while True:
            yield bytes(65_536)

    async def cut() -> AsyncIterator[bytes]:
        yield whole[: -len(END)]

    for body, code in (
        (whole, "aborted"),
        (cut(), "aborted"),
        (endless(), "too_large"),
        (whole.replace(b'name="file"', b'name="image"'), "form"),
        (whole[: -len(END)] + b"\r\n" + whole, "form"),
        (form({**named, "name": "Ada Example"}, PHOTO)[0], "form"),
        (form(named, b"")[0], "empty"),
    ):
        problem(await post.send_body(path, body, None, head), FILE_FAULTS[UploadFault(code)][0], code)
    short = form({name: value for name, value in named.items() if name != "sha256"}, PHOTO)[0]
    problem(await post.send_body(path, short, None, head), 422, "invalid_input")
    for name, wrong in (("purpose", "video"), ("sha256", "zz"), ("agent_id", "clerk 7"), ("location_id", "harbour")):
        found = problem(
            await post.send_body(path, form({**named, name: wrong}, PHOTO)[0], None, head), 422, "invalid_input"
        )
        assert found["errors"][0]["pointer"] == f"/{name}"
    json_head = {"Content-Type": "application/json"}
    problem(await post.send_body(path, b"{}", None, json_head), 415, "unsupported_media_type")
    huge = await post.send_body(path, whole, None, {**head, "Content-Length": "10000000000"})
    assert problem(huge, 413, "too_large")["status"] == 413
    assert huge.headers["Connection"] == "close"
    await nothing_taken(desks, made.id)


@pytest.mark.parametrize("how", ["stops", "drips", "takes long"])
async def test_a_photograph_that_arrives_too_slowly_is_refused_in_time_and_leaves_nothing(
    desks: DeskStage, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A desk that stops, that sends slower than the least rate, or that takes longer than the whole may."""
    settled = replace(
        file_plan(context_of(desks).settings, video=False),
        **{"stops": {"pause": 0.05}, "drips": {"grace": 0.0, "least": 10**9}, "takes long": {"seconds": 0.05}}[how],
    )
    monkeypatch.setattr(routes, "file_plan", lambda _settings, **_video: settled)
    made, post = await at_desk(desks), desks.post
    digest, never = hashlib.sha256(PHOTO).hexdigest(), asyncio.Event()
    named = {"agent_id": "clerk-7", "location_id": "market-street", "purpose": "front", "sha256": digest}
    body, head = form(named, PHOTO)

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:3000]
        if how != "drips":
            await never.wait()
        for at in range(3000, len(body)):
            yield body[at : at + 1]

    async with asyncio.timeout(20):
        refused = await post.send_body(f"/desk/v1/cases/{made.id}/files", slowly(), None, head)
    problem(refused, 408, "too_slow")
    assert refused.headers["Connection"] == "close"
    await nothing_taken(desks, made.id)
    monkeypatch.undo()
    assert (await post.send_file(made.id, PHOTO)).status_code == 200
    await cleared(desks, made.id)


async def test_a_video_is_taken_if_the_profiles_ask_for_it_and_staff_look_at_it(
    desks: DeskStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, post, video = await at_desk(desks), desks.post, mp4()
    problem(await post.send_file(made.id, video, purpose="person", kind="video"), 422, "wrong_type")
    await nothing_taken(desks, made.id)
    monkeypatch.setattr(FileContext, "desk_video", True)
    problem(await post.send_file(made.id, video, purpose="front", kind="video"), 422, "wrong_type")
    problem(await post.send_file(made.id, PHOTO, purpose="person", kind="video"), 422, "wrong_type")
    problem(await post.send_file(made.id, video, purpose="person"), 422, "wrong_type")
    for content, code in ((mp4(0.5), "too_short"), (mp4(600.0), "too_long"), (mp4(tracks=(b"soun",)), "no_picture")):
        problem(await post.send_file(made.id, content, purpose="person", kind="video"), 422, code)
    await nothing_taken(desks, made.id)
    sent = await post.send_file(made.id, video, purpose="person", kind="video")
    assert sent.status_code == 200, sent.text
    [file] = await files_of(desks, made.id)
    assert (file.kind, file.state, file.content.type) == (FileKind.VIDEO, FileState.READY, "video/mp4")
    assert (file.content.by, file.content.prompts) == ("desk:land-register:clerk-7", ())
    await cleared(desks, made.id)


async def test_a_photograph_beyond_its_limit_is_refused_where_videos_may_be_larger(
    desks: DeskStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = context_of(desks).settings
    monkeypatch.setattr(FileContext, "desk_video", True)
    monkeypatch.setattr(FileSettings, "largest", lambda _, kind: len(PHOTO) - 1 if kind is FileKind.PHOTO else 10**6)
    assert settings.enabled
    made = await at_desk(desks)
    problem(await desks.post.send_file(made.id, PHOTO), 413, "too_large")
    await nothing_taken(desks, made.id)


async def test_one_photograph_at_a_time_and_no_more_than_the_limit(desks: DeskStage) -> None:
    made, post = await at_desk(desks), desks.post

    async def sends_another() -> None:
        busy = await post.send_file(made.id, PHOTO, "second")
        problem(busy, 503, "busy")
        assert busy.headers["Retry-After"] == "5"

    assert (await sent_slowly(desks, made, sends_another)).status_code == 200
    assert (await post.send_file(made.id, PHOTO, "second")).status_code == 200
    most = desks.parts.settings.broker.assisted.files.most
    for _ in range(2, most):
        assert (await post.send_file(made.id, PHOTO)).status_code == 200
    problem(await post.send_file(made.id, PHOTO), 409, "too_many")
    assert len(await files_of(desks, made.id)) == most
    await cleared(desks, made.id)
