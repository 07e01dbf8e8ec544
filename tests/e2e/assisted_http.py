"""Assisted verification through HTTP, with the applications of the product in the test's process and no sockets."""

import math
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import httpx
from multidict import CIMultiDict
from starlette.types import ASGIApp

from broker import wiring
from broker.actions.assisted.context import update_case
from broker.actions.periodic import PeriodicTask
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, ContactMethod
from broker.assisted.case_states import CaseState
from broker.demo.run import Ports, configured
from broker.model.handle import sha256_hex
from broker.model.notification import Notification
from broker.model.staff import StaffSession
from broker.wiring import Container
from broker.wiring.assisted_wiring import case_context
from broker.wiring.background import background_tasks
from tests.e2e.app_harness import Ahead, Script, laid_out
from tests.e2e.raw_client import Forms, HttpSender, RawCitizen, Reply
from tests.e2e.relying_service import RIDES_SERVICE, rides
from tests.unit.web.staff_forms import DETAILS, PASSPORT, PERSON

AGENT, SECOND, REVIEWER, LEAD = "carys", "nia", "mei", "rhys"
"""Members of staff: an agent, one with every role, an agent who also reviews, and a lead."""
_MORE = "".join(
    f'[[people]]\nid = "{who}"\nsubject = "staff-{who}"\nname = "{name}"\nroles = {roles}\nskills = ["chip"]\n\n'
    for who, name, roles in (
        (SECOND, "Nia Jones", '["agent", "reviewer", "lead", "auditor", "admin"]'),
        ("olu", "Olu Adams", '["agent", "reviewer"]'),
    )
)
SCRIPT = Script(
    files={"services/rides.toml": RIDES_SERVICE.replace('level = "low"', 'level = "substantial"')},
    edits={
        "broker.toml": {
            "[picker]": "[limits]\nhelp_requests_per_ip = { max = 10000, window = 60 }\n"
            "authorization_requests_per_ip = { max = 10000, window = 60 }\n\n[picker]",
            "correction = 0": "correction = 0\nrandom_review = 0.0\nrandom_review_declines = 0.0",
        },
        "staff.toml": {'[[people]]\nid = "tom"': f'{_MORE}[[people]]\nid = "tom"'},
    },
)


class InProcess(HttpSender):
    """Sends requests to applications by their origin, in this process."""

    def __init__(self, applications: Mapping[str, ASGIApp]) -> None:
        self._clients = {
            origin: httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("192.0.2.9", 1)), base_url=origin)
            for origin, app in applications.items()
        }

    async def send(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Sends one request."""
        fields = None if form is None else dict(form)
        return _reply(await self._client(url).request(method, url, data=fields, headers=dict(headers or {})))

    async def upload(self, url: str, content: bytes, headers: Mapping[str, str]) -> Reply:
        """Posts a body as it is."""
        return _reply(await self._client(url).post(url, content=content, headers=dict(headers)))

    def _client(self, url: str) -> httpx.AsyncClient:
        return next(one for origin, one in self._clients.items() if url.startswith(origin))


def _reply(answer: httpx.Response) -> Reply:
    return Reply(answer.status_code, CIMultiDict(answer.headers.multi_items()), answer.content, 0.0)


class HelpedCitizen(RawCitizen):
    """A citizen with a browser who asks for help from a person."""

    continuation: str = ""

    async def ask(self, phone: str) -> None:
        """Comes from the service and asks for help."""
        await self.begin()
        await self.ask_again(phone)

    async def ask_again(self, phone: str) -> None:
        """Asks for help on the transaction's page."""
        fields = Forms((await self.visit(f"{self.page}/help")).expect().body).found[f"{self.page}/help"]
        sent = {**fields, "way": "phone", "phone": phone, "channel": "video"}
        (await self.submit(f"{self.page}/help", sent)).expect(303)
        self.continuation = self.jar.value("portico-code")

    async def look(self) -> str:
        """The text of the transaction's page."""
        return text((await self.visit(self.page)).expect().body)

    async def press(self, name: str, **fields: str) -> Reply:
        """Sends a form of the transaction with the token of its page."""
        return await self.submit(f"{self.page}/{name}", {"token": await self.token(), **fields})

    async def token(self) -> str:
        """The CSRF token of the transaction's forms."""
        shown = Forms((await self.visit(self.page)).body).found
        return next(form["token"] for at, form in shown.items() if at.startswith(f"{self.page}/"))

    async def resume(self, code: str) -> Reply:
        """Types a continuation code in; goes on with the page that it leads to."""
        fields = Forms((await self.visit("/continue")).expect().body).found["/continue"]
        reply = await self.submit("/continue", {**fields, "code": code})
        if reply.status == 303 and reply.location.startswith("/journey/"):
            self.page = reply.location
        return reply


def text(page: bytes) -> str:
    """The text of a page's main part, in one line and without isolates."""
    main = page.decode().partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub("[\u2066-\u2069]", "", re.sub(r"<[^>]*>", " ", main)))


@dataclass(slots=True)
class Colleague:
    """A member of staff with a session, as a client of the console."""

    centre: "Centre"
    member: str
    cookie: str

    async def get(self, path: str) -> Reply:
        """Requests a page."""
        return await self.send("GET", path, None)

    async def post(self, path: str, page: str = "/", fields: Mapping[str, str] = {}, **more: str) -> Reply:
        """Posts a form with the token and the edit version of a page."""
        return await self.send("POST", path, {**hidden((await self.get(page)).body), **fields, **more})

    async def send(self, method: str, path: str, form: Mapping[str, str] | None) -> Reply:
        """Sends one request with the session's cookie."""
        headers = {"Cookie": f"__Host-portico-staff={self.cookie}", "Origin": self.centre.console}
        return await self.centre.sender.send(method, self.centre.console + path, form, headers)

    async def take(self) -> str:
        """Takes the next case. Returns its path."""
        taken = (await self.post("/next")).expect(303)
        assert taken.location.startswith("/cases/"), taken.location
        return taken.location

    async def meet(self) -> str:
        """Takes the next case, meets the citizen and records everything; the decision is next. Returns its path."""
        at = await self.take()
        for path, page, form in (
            (f"{at}/start", at, {"channel": "in_person"}),
            (f"{at}/words", at, {}),
            (f"{at}/evidence/new", f"{at}/evidence/new?kind=passport", PASSPORT),
            (f"{at}/person", f"{at}/person", PERSON),
            (f"{at}/details", f"{at}/details", DETAILS),
            (f"{at}/end", at, {}),
        ):
            done = (await self.post(path, page, form)).expect(303)
            assert "problem=" not in done.location, (path, done.location)
        return at

    async def has_met(self, citizen: HelpedCitizen) -> str:
        """Has met the citizen and recorded everything, as an earlier colleague did in `meet`; the decision is next.

        Returns the path of the case. Without the forms, which takes a tenth of the time.
        """
        centre = self.centre
        assert centre.met is not None
        case, (passport,), by = await centre.case(citizen), centre.met.evidence, self.member
        mine = replace(passport, by=by, details={**passport.details, "number": f"P{case.id[:8]}"})
        events = (
            ev.Claimed(by),
            ev.SessionStarted(by, Channel.IN_PERSON),
            ev.WordsExchanged(by),
            ev.EvidenceRecorded(by, mine),
            ev.ChecksRecorded(by, centre.met.checks),
            ev.DetailsRecorded(by, centre.met.details.claims),
            ev.SessionEnded(by),
        )
        done = await update_case(case_context(centre.parts), case.id, *events)
        assert isinstance(done, Case), done
        return f"/cases/{case.id}"

    async def decide(self, at: str, decision: str, *reasons: str, **more: str) -> Reply:
        """Decides."""
        ticked = {f"{decision}.{reason}": "yes" for reason in reasons}
        return await self.post(f"{at}/decision", f"{at}/decision", ticked, decision=decision, **more)

    async def open(self, reference: str, reason: str = "follow_up") -> Reply:
        """Opens a case by its reference."""
        return await self.post("/open", "/", {"reference": reference, "reason": reason})


def hidden(page: bytes) -> dict[str, str]:
    """The CSRF token and the edit version in a page's forms."""
    found = {}
    for name in ("token", "edition"):
        match = re.search(rf'name="{name}" value="([^"]*)"', page.decode())
        if match is not None:
            found[name] = match[1]
    return found


@dataclass(slots=True)
class Centre:
    """The product of a support centre in this process: citizens' application, console, stores, clock.

    `met` is a case in which an agent recorded everything, `told` are the notices so far, none of which is sent.
    """

    parts: Container
    folder: Path
    issuer: str
    console: str
    public: ASGIApp
    staff: ASGIApp
    clock: Ahead
    met: Case | None = None
    asked: int = 0
    told: dict[str, Notification] = field(default_factory=dict)
    sender: InProcess = field(init=False)

    def __post_init__(self) -> None:
        self.sender = InProcess({self.issuer: self.public, self.console: self.staff})

    def citizen(self) -> HelpedCitizen:
        """A citizen with a new browser."""
        return HelpedCitizen(self.sender, replace(rides(self.folder, self.issuer), now=self.clock.now))

    async def colleague(self, member: str, signed_in: float = 0) -> Colleague:
        """A member of staff who signed in so many seconds ago."""
        now, cookie = self.clock.now(), f"console_{self.clock.system.random_bytes(12).hex()}"
        at = now - signed_in
        session = StaffSession(
            sha256_hex(cookie), member, f"staff-{member}", "substantial", ("mfa",), int(at), at, now, now + 8 * 3600
        )
        await self.parts.connections.sql_stores.staff_sessions.start(session, None, ())
        return Colleague(self, member, cookie)

    async def case(self, citizen: HelpedCitizen) -> Case:
        """The citizen's case as it is stored."""
        stores = self.parts.connections.ephemeral_stores
        transaction = await stores.transactions.load(citizen.page.rpartition("/")[2])
        assert transaction is not None
        return await self.load(transaction.case or transaction.ended_case or "")

    async def load(self, case_id: str) -> Case:
        """A case as it is stored."""
        found = await self.parts.connections.sql_stores.cases.load(case_id)
        assert found is not None
        return found

    async def notices(self) -> list[Notification]:
        """All notices so far, in their order."""
        now, notices = self.parts.system.now(), self.parts.connections.sql_stores.notices
        for way in ContactMethod:
            self.told |= {notice.id: notice for notice in await notices.lane(way).claim(now, now, 500)}
        return sorted(self.told.values(), key=lambda notice: notice.created)

    async def code(self, citizen: HelpedCitizen) -> str:
        """The citizen has a confirmation code sent and reads it."""
        sent = (await citizen.press("code")).expect(303)
        assert "problem=" not in sent.location, sent.location
        case = await self.case(citizen)
        earlier = set(self.told)
        told = (notice.fields for notice in await self.notices() if notice.case == case.id and notice.id not in earlier)
        return next(fields["code"] for fields in told if "code" in fields)

    async def words(self, citizen: HelpedCitizen) -> str:
        """The words of the case."""
        phrase = (await self.case(citizen)).phrase
        return f"{phrase.first} {phrase.second}"

    async def helped(self) -> HelpedCitizen:
        """A citizen who asked for help, with a number of their own."""
        citizen = self.citizen()
        self.asked += 1
        await citizen.ask(f"+447700900{self.asked:03}")
        return citizen

    async def approved(self, agent: str = AGENT) -> HelpedCitizen:
        """A citizen whom an agent approved."""
        citizen = await self.helped()
        who = await self.colleague(agent)
        decided = await who.decide(await who.has_met(citizen), "approve")
        assert decided.location == "/done/decided", decided.location
        assert (await self.case(citizen)).state is CaseState.APPROVED
        return citizen

    async def example(self) -> Case:
        """A case in which an agent recorded everything, through the forms. It is withdrawn."""
        citizen, agent = await self.helped(), await self.colleague(AGENT)
        await agent.meet()
        case = await self.case(citizen)
        (await citizen.press("withdraw")).expect(303)
        return case


def _without_notices(parts: Container) -> list[PeriodicTask]:
    """The background tasks, without those that send notices: tests read them in the outbox."""
    return [task for task in background_tasks(parts) if not task.name.startswith("notices by ")]


@asynccontextmanager
async def centre(folder: Path, script: Script = SCRIPT, *, again: bool = False) -> AsyncIterator[Centre]:
    """Opens the product in this process until the block ends, with its data in the folder.

    With `again` it was open there before: nothing is written.
    """
    clock, ports = Ahead(), Ports(18_000)
    settings = configured(ports, clock.system, folder / "config" if again else laid_out(folder, script))
    await wiring.migrate_schema(settings)
    # a clock that tests advance differs from the clock of PostgreSQL
    patient = replace(settings.broker.clock, tolerance=math.inf)
    settings = replace(settings, broker=replace(settings.broker, clock=patient))
    async with AsyncExitStack() as stack:
        with patch("broker.wiring.opening.background_tasks", _without_notices):  # not longer: other products need them
            parts = await stack.enter_async_context(wiring.open_container(settings, clock.system))
        issuer, console = settings.broker.issuer, settings.broker.console
        public, staff = wiring.public_app(parts), wiring.staff_app(parts)
        opened = Centre(parts, folder, issuer, console, public, staff, clock)
        opened.met = None if again else await opened.example()
        yield opened
