"""Catalogue of the console's pages: members of staff walk through cases, and each page that they see is kept, in both
languages.

Nothing is served, and no browser is needed: `test_accessibility` looks at the pages in Chromium.
"""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from broker.actions.assisted.context import CaseContext
from broker.actions.console.incidents import run_incidents
from broker.actions.files.context import FileContext
from broker.actions.files.receiving import receive_photo
from broker.assisted import events as ev
from broker.assisted.calibration import Exercise, check_name, made_up_cases
from broker.assisted.case_records import Channel
from broker.assisted.case_work import CaseWork
from broker.assisted.quality import sample, sheet_form
from broker.model.audit import AuditEvent
from broker.model.evidence_file import EvidenceFile, FilePurpose
from broker.model.staff import StaffMember
from broker.platform.system import System
from broker.stores.evidence.folder import FolderObjects
from broker.stores.sql_stores import SqlStores
from broker.web.staff import StaffApp, cookies, staff_routes
from broker.wiring.app_pages import STAFF_LANGUAGES
from tests.support.media import photo
from tests.support.system import FakeClock
from tests.support.upload_stage import SETTINGS, Untouched
from tests.unit.assisted.cases import verdict
from tests.unit.web import staff as console
from tests.unit.web.published import published_feedback
from tests.unit.web.shown_pages import Recording, Shown, route_of
from tests.unit.web.staff import ADA, CARYS, MEI, RHYS, TOM, Ready, StaffClient, Stage, staged
from tests.unit.web.staff_forms import case_in_review, prepare_decision
from tests.unit.web.test_staff_appointments import HOUR, POLICY, booked
from tests.unit.web.test_staff_calls import wanted
from tests.unit.web.test_staff_exports import DAYS
from tests.unit.web.test_staff_letters import written
from tests.unit.web.test_staff_people import REVIEWER

ROUTES = staff_routes(cast(StaffApp, SimpleNamespace(files=object(), letters=object())))
"""Every route of the console. Their handlers are not called."""


ELSEWHERE = {"/sign-in", "/sign-in/go", "/callback", "/reports.csv", "/quality.csv", "/audit-keys.json"}
"""Addresses without parameters at which a member of staff with a session sees no page."""


@dataclass(frozen=True, slots=True)
class StaffCatalogue:
    """The pages that were seen."""

    recording: Recording
    shown: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk through the console, whose pages go into `shown`."""

    stage: Stage
    files: Sequence[FileContext]
    shown: list[Shown] = field(default_factory=list)

    async def see_acts(self, client: StaffClient, member: str) -> None:
        """Keeps the page of what a member of staff did, which is the answer to a form."""
        for language in STAFF_LANGUAGES:
            client.headers["cookie"] += f"; {cookies.LANGUAGE}={language}"  # type: ignore[index]
            page = await client.send("/acts", "/look-ups", {"member": member, "reason": "follow_up"})
            self.shown.append(Shown("/acts", "", language, page.text))

    async def see(self, client: StaffClient, *paths: str) -> None:
        """Keeps these pages in both languages."""
        for path in paths:
            for language in STAFF_LANGUAGES:
                cookie = f"{client.headers.get('cookie', 'other=1')}; {cookies.LANGUAGE}={language}"
                page = await StaffClient(client.client, {"cookie": cookie}).get(path)
                kind = page.headers.get("content-type", "")
                assert kind.startswith("text/html"), (path, page.status_code, page.headers.get("location"))
                assert page.status_code < 500, path
                self.shown.append(Shown(path, route_of(ROUTES, path), language, page.text))


async def outside(walk: Walk) -> None:
    """The pages without a session, and the results of a case."""
    await walk.see(walk.stage.client(None), "/sign-in", "/signed-out", "/callback?state=x", "/no-such-page")
    agent = await walk.stage.sign_in(CARYS)
    await walk.see(
        agent, *(f"/done/{what}" for what in ("decided", "reviewed", "back", "missed", "stranger", "settled"))
    )
    await walk.see(agent, "/cases/x/overtaken", "/cases/x/lapsed", "/cases/no-such", "/calls/no-such", "/board")


async def session(walk: Walk) -> None:
    """An agent's session, beginning with the empty queue."""
    agent = await walk.stage.sign_in(CARYS)
    await walk.see(agent, "/", "/?problem=nothing", "/?problem=reference", "/help", "/outcomes", "/mine")
    case = await walk.stage.case()
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    await walk.see(agent, "/", "/mine", at, f"{at}?problem=choice", f"{at}/contact", f"{at}/contact?problem=choice")
    await agent.send(f"{at}/start", at, {"channel": "video"})
    await walk.see(agent, at, f"{at}/details")
    kinds = ("passport", "bank_statement", "vouch")
    await walk.see(agent, *(f"{at}/evidence/new?kind={kind}" for kind in kinds))
    for problem in ("missing", "mrz_number", "source_down"):
        await walk.see(agent, f"{at}/evidence/new?kind=passport&problem={problem}&at=number")


async def deciding(walk: Walk) -> None:
    """An agent's decision, and a sign-in that is not fresh."""
    case, agent = await walk.stage.case(), await walk.stage.sign_in(CARYS)
    at = await prepare_decision(agent, case)
    await agent.send(f"{at}/note", at, {"note": "Wears a hearing aid, speak clearly"})
    await agent.send(f"{at}/flag", at, {"reason": "coached"})
    await agent.send(f"{at}/ask-lead", at, {"note": "Is a letter enough?"})
    await agent.send(f"{at}/ask", at, {"message": "Your call with us"})
    await walk.see(agent, at, f"{at}/evidence/e1", f"{at}/person", f"{at}/details?problem=not_a_date&at=birthdate")
    await walk.see(agent, f"{at}/decision", f"{at}/decision?problem=reason&decision=decline", f"{at}?told=saved")
    before = walk.stage.system.now() - 400
    await walk.see(await walk.stage.sign_in(CARYS, auth_time=before), f"{at}/decision", f"{at}/prove")
    await agent.send(f"{at}/decision", f"{at}/decision", {"decision": "approve"})
    await walk.see(agent, "/outcomes", at)


async def review(walk: Walk) -> None:
    """A reviewer before and after their own decision."""
    case, reviewer = await case_in_review(walk.stage)
    at = f"/cases/{case.id}"
    await walk.see(reviewer, at, f"{at}/view", f"{at}/view?problem=reason&decision=decline")
    await reviewer.send(f"{at}/view", f"{at}/view", {"decision": "decline", "decline.face_differs": "yes"})
    await walk.see(
        reviewer, at, f"{at}/review", f"{at}/review?problem=reason&decision=disagree", f"{at}?problem=not_now"
    )


async def leading(walk: Walk) -> None:
    """A held case, and the lists, the board, what is found, and the people."""
    stage = walk.stage
    case = await stage.case(ev.Held(RHYS.id, "doubt"))
    for member in (MEI, RHYS, TOM):
        client = await stage.sign_in(member)
        await client.send("/open", "/", {"reference": case.reference, "reason": "follow_up"})
        await walk.see(client, "/", f"/cases/{case.id}")
    case = await stage.case(ev.Flagged(TOM.id, "fraud_signals"))
    await stage.case(ev.Held(RHYS.id, "incident"))
    lead = await stage.sign_in(RHYS)
    await lead.send("/views", "/cases", {"list": "cases", "name": "Held", "stands": "held"})
    await lead.send("/find", "/find", {"by": "reference", "text": case.reference, "reason": "follow_up"})
    plain = [one.path for one in ROUTES if "GET" in (one.methods or ()) and "{" not in one.path]
    await walk.see(lead, *(path for path in plain if path not in ELSEWHERE))
    await walk.see_acts(await stage.sign_in(RHYS), TOM.id)
    await walk.see(lead, "/cases?done=1&left=2", "/queue?problem=view", "/board/incident?sort=deadline")
    await lead.send("/board/incident", "/board/incident", {"do": "hold", "sort": "deadline"})
    await walk.see(lead, "/board/incident?told=incident")
    await run_incidents(stage.context, _all_members)
    await walk.see(lead, "/board/incident")
    await walk.see(lead, "/find?problem=reason", "/look-ups?all=yes", "/reports?days=7")


async def _all_members() -> Mapping[str, StaffMember]:
    return console.PEOPLE


async def people(walk: Walk) -> None:
    """Roles of the staff with a change that waits, their review, and exports of the audit record."""
    admin = await walk.stage.sign_in(ADA)
    await walk.see(admin, "/", "/people", "/people/carys")
    await admin.send("/people/carys/roles", "/people/carys", REVIEWER)
    await walk.see(admin, "/people", "/people/tom?problem=reason")
    lead = await walk.stage.sign_in(RHYS)
    await lead.send("/access/carys", "/access", {"do": "keep"}, edition="0-agent")
    await lead.send("/exports", "/exports", DAYS)
    await walk.see(admin, "/access?told=access_kept", "/exports")
    await walk.stage.facts.audit_chain.seal_once()
    [export] = await walk.stage.facts.audit_exports.recent(1)
    await admin.send(f"/exports/{export.id}", "/exports", {"do": "release"})
    await walk.see(lead, "/exports", "/exports?problem=days")
    await walk.see(lead, "/feedback")
    for one in published_feedback():
        waiting = replace(one, published=None, public=one.language == "cy", expires=walk.stage.system.now() + HOUR)
        await walk.stage.facts.feedback.give(waiting, AuditEvent("feedback_given", one.at, "citizen"))
    await walk.see(lead, "/feedback", "/feedback?problem=feedback_gone", "/feedback?told=feedback_deleted")
    await walk.see(admin, "/feedback")


async def quality(walk: Walk) -> None:
    """A score sheet before and after it is filled, and a made-up case before and after it is answered."""
    stage, agent = walk.stage, await walk.stage.sign_in(CARYS)
    at = await prepare_decision(agent, await stage.case())
    decided = await stage.facts.cases.load(at.rpartition("/")[2])
    assert decided is not None
    drawn = [sample(decided, verdict(by=CARYS.id), f"{n:032}", stage.system.now(), HOUR) for n in range(2)]
    after = replace(decided, version=decided.version + 1)
    assert await stage.facts.cases.save(after, (), CaseWork(samples=tuple(drawn)))
    lead, sheet = await stage.sign_in(RHYS), f"/quality/{drawn[0].id}"
    await walk.see(lead, sheet, f"{sheet}?problem=sections")
    marks = {f"mark.{name}": "partly" for name in sheet_form().sections}
    await lead.send(sheet, sheet, {**marks, "note": "Write both names"})
    await lead.send("/calibration", "/calibration", {"to": CARYS.id, "count": "1"})
    [given] = await stage.facts.quality.waiting_exercises(CARYS.id)
    task, case = f"/tasks/{given.id}", made_up_cases().cases[given.item]
    await walk.see(agent, "/calibration", task, f"{task}?problem=reason")
    checks = {check_name(place, check): "yes" for place, one in enumerate(case.evidence) for check in one.checks}
    answers = {f"check.{name}": yes for name, yes in checks.items()}
    answered = await agent.send(task, task, answers | {"decision": "approve"})
    assert "problem" not in answered.headers["location"]
    await walk.see(agent, task, "/calibration", "/outcomes")
    await walk.see(lead, "/quality", "/calibration", "/board")


async def meetings(walk: Walk) -> None:
    """Appointments, and a call."""
    stage = walk.stage
    begins = stage.system.now() + HOUR
    case = await booked(stage, begins, room=1)
    await booked(stage, begins, "north")
    lead = await stage.sign_in(RHYS)
    await walk.see(lead, "/appointments", "/appointments?place=north", "/appointments?problem=reference")
    times = f"/appointments/{case.id}/times"
    await walk.see(lead, times, f"{times}?problem=slot_taken")
    called, agent = await wanted(stage), await stage.sign_in(TOM)
    await walk.see(agent, "/")
    await agent.send("/calls/next", "/")
    await walk.see(agent, f"/calls/{called.id}", f"/calls/{called.id}?problem=reason")


async def reaching(walk: Walk) -> None:
    """Attempts to reach a citizen, messages before they are sent, and letters to print."""
    case, agent = await walk.stage.case(), await walk.stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    await walk.see(agent, f"{at}/contact", f"{at}/contact?problem=next_time", f"{at}/message")
    await agent.send(f"{at}/contact", f"{at}/contact", {"result": "call.made", "again": ""})
    await walk.see(agent, at, f"{at}/message?template=video_room&problem=no_room")
    await agent.send(f"{at}/message", f"{at}/message", {"template": "call_us", "to": "first"})
    await walk.see(
        agent, f"{at}/message?template=call_us&told=preview", f"{at}/message?template=have_ready&problem=line"
    )
    other, lead = await walk.stage.case(), await walk.stage.sign_in(RHYS)
    await written(walk.stage, other)
    await walk.see(lead, "/letters", "/letters/letter-1")


async def files(walk: Walk) -> None:
    """What a citizen sent."""
    [context] = walk.files
    case, agent = await walk.stage.case(channel=Channel.SENT), await walk.stage.sign_in(CARYS)

    async def pieces() -> AsyncIterator[bytes]:
        yield photo()

    assert isinstance(await receive_photo(context, case, FilePurpose.FRONT, pieces()), EvidenceFile)
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    await walk.see(agent, at)
    await agent.send(f"{at}/start", at, {"channel": "sent"})
    await walk.see(agent, at, f"{at}/files")
    sent = await walk.stage.facts.cases.load(case.id)
    assert sent is not None
    drawn = sample(sent, verdict(by=CARYS.id), "f" * 32, walk.stage.system.now(), HOUR)
    assert await walk.stage.facts.cases.save(replace(sent, version=sent.version + 1), (), CaseWork(samples=(drawn,)))
    await walk.see(await walk.stage.sign_in(RHYS), f"/quality/{drawn.id}")
    made = Exercise("exercise-1", CARYS.id, "another_face", RHYS.id, walk.stage.system.now())
    await walk.stage.facts.quality.give([made], AuditEvent("calibration_given", made.asked, "staff:rhys"))
    await walk.see(agent, "/tasks/exercise-1")


WALKS: Sequence[Callable[[Walk], Awaitable[None]]] = (
    outside,
    session,
    deciding,
    review,
    leading,
    people,
    quality,
    meetings,
    reaching,
    files,
)


async def staff_catalogue_of(given: Ready, folder: Path) -> StaffCatalogue:
    """Every walk, each over a database of its own."""
    recording = Recording(given.pages)
    written, shown = recording.renderer, list[Shown]()
    for name, language in itertools.product(("mishap", "unavailable", "too-large"), STAFF_LANGUAGES):
        page = written.page(name, language, {"reference": "a-request", "near": None})
        shown.append(Shown(name, "", language, page))
    with pytest.MonkeyPatch.context() as patched:
        for walked in WALKS:
            # only a decision that its agent can still correct is shown with the time for that
            patched.setattr(console, "TERMS", POLICY if walked is deciding else replace(POLICY, correction=0))
            (folder / walked.__name__).mkdir()
            async with _stage(replace(given, pages=written), folder / walked.__name__) as walk:
                await walked(walk)
            shown += walk.shown
    return StaffCatalogue(recording, shown)


@asynccontextmanager
async def _stage(given: Ready, folder: Path) -> AsyncIterator[Walk]:
    drawn, made = iter(range(10**6)), list[FileContext]()

    def sent(cases: CaseContext, facts: SqlStores) -> FileContext:
        policy = replace(cases.rules.policy, files=replace(SETTINGS, folder=folder))
        knowing = replace(cases, rules=replace(cases.rules, policy=policy))
        objects = {"folder": FolderObjects(folder)}
        made.append(FileContext(knowing, facts.evidence_files, objects, "folder", Untouched()))
        return made[0]

    system = System(now=FakeClock().now, random_bytes=lambda n: next(drawn).to_bytes(8).rjust(n, b"r")[-n:])
    async with staged(given, folder, system, files=sent) as stage:
        yield Walk(stage, made)
