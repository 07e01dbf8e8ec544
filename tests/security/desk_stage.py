"""Two partner desks, a citizen's case and a reviewer: the public application in this process, without sockets."""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx

from broker import wiring
from broker.actions.assisted.context import CaseContext, audit_rows
from broker.actions.assisted.staff import StaffCases
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import CaseRef
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod, Decision
from broker.assisted.transitions import advance
from broker.demo.run import Ports, configured
from broker.model.audit import AuditEvent
from broker.model.handle import new_user_code
from broker.model.outbound_delivery import DeliveryKind
from broker.model.staff import StaffMember, StaffRole, StaffSession
from broker.model.store_results import CreateCaseResult
from broker.platform.system import real_system
from broker.wiring import Container
from broker.wiring.applications import public_app
from broker.wiring.assisted_wiring import case_context
from tests.e2e.app_harness import Script, laid_out
from tests.e2e.relying_service import RIDES_SERVICE, Service, land_register, rides
from tests.support.upload_stage import form
from tests.unit.actions.assisted.case_harness import DETAILS, GOOD, PASSPORT, SAFE, had, member
from tests.unit.assisted.cases import draft

FIRST_PORT: Final = 18000
"""Nothing listens on it: the application is called in this process."""

DESK: Final = 'own_scopes = ["desk"]\ndesk_locations = [{ id = "market-street" }, { id = "station" }]'
OTHER: Final = 'own_scopes = ["desk"]\nbinding = "dpop"\ndesk_locations = [{ id = "harbour" }]'
BROKER: Final = """[limits]
requests_per_client = { max = 100000, window = "1 minute" }

[picker]"""
SCRIPT: Final = Script(
    files={"services/rides.toml": f"{OTHER}{RIDES_SERVICE}"},
    edits={
        "broker.toml": {"[picker]": BROKER},
        "services/land-register.toml": {'ciba = "poll"': f'ciba = "poll"\n{DESK}'},
    },
)
ANN: Final = member("ann", StaffRole.AGENT, StaffRole.REVIEWER)


@dataclass(slots=True)
class Desk:
    """A partner desk with its token. Each message names its agent and one of its locations."""

    line: httpx.AsyncClient
    service: Service
    location: str
    agent: str = "clerk-7"
    token: str = ""

    async def arrive(self) -> "Desk":
        """Requests the desk's token."""
        for _ in range(2):
            form = {"grant_type": "client_credentials", "scope": "desk", **self.service.assertion()}
            proof = self.service.proof("POST", f"{self.service.issuer}/token")
            reply = await self.line.post("/token", data=form, headers=proof)
            self.service.nonce = reply.headers.get("DPoP-Nonce", self.service.nonce)
        self.token = reply.json()["access_token"]
        return self

    def head(self, method: str, path: str, token: str | None = None) -> dict[str, str]:
        """The headers of an authenticated call."""
        held = token or self.token
        return {"Authorization": f"DPoP {held}", **self.service.proof(method, self.service.issuer + path, held)}

    async def get(self, path: str) -> httpx.Response:
        """Reads."""
        return await self.line.get(path, headers=self.head("GET", path))

    async def post(
        self, path: str, key: str | None = None, head: Mapping[str, str] = {}, **members: object
    ) -> httpx.Response:
        """A call that changes something, with a key of its own unless one is given."""
        content = {"agent_id": self.agent, "location_id": self.location, **members}
        given = {**self.head("POST", path), "Idempotency-Key": key or secrets.token_hex(8), **head}
        return await self.line.post(path, json=content, headers=given)

    async def find(self, reference: str) -> httpx.Response:
        """Finds a case."""
        return await self.post("/desk/v1/cases:find", reference=reference)

    async def accept(self, case: str, key: str | None = None) -> httpx.Response:
        """Accepts a case."""
        return await self.post(f"/desk/v1/cases/{case}:accept", key)

    async def record(self, case: str, key: str | None = None, **piece: object) -> httpx.Response:
        """Records one piece of evidence."""
        return await self.post(f"/desk/v1/cases/{case}/evidence", key, piece=piece)

    async def result(self, case: str, recommendation: str, key: str | None = None, **more: object) -> httpx.Response:
        """Gives the result."""
        return await self.post(f"/desk/v1/cases/{case}:result", key, recommendation=recommendation, **more)

    async def send_file(
        self, case: str, content: bytes, key: str | None = None, of: str | None = None, **fields: str
    ) -> httpx.Response:
        """Sends a photograph. `of` is the digest that is sent with it, that of the content unless it is given."""
        path, digest = f"/desk/v1/cases/{case}/files", of or hashlib.sha256(content).hexdigest()
        named = {"agent_id": self.agent, "location_id": self.location, "purpose": "front", "sha256": digest, **fields}
        body, kind = form(named, content)
        return await self.send_body(path, body, key, kind)

    async def send_body(
        self, path: str, body: bytes | AsyncIterator[bytes], key: str | None, head: Mapping[str, str]
    ) -> httpx.Response:
        """A call with any body."""
        given = {**self.head("POST", path), "Idempotency-Key": key or secrets.token_hex(8), **head}
        return await self.line.post(path, content=body, headers=given)

    async def visit(self, made: Case, **changed: str) -> None:
        """Accepts a case and records everything that an approval needs. `changed` are fields of the passport."""
        for reply in (
            await self.accept(made.id),
            await self.record(made.id, piece="words", first=made.phrase.first),
            await self.record(made.id, **passport(**changed)),
            await self.record(made.id, piece="person", checks=checks(SAFE)),
            await self.record(made.id, piece="details", **DETAILS),
        ):
            assert reply.status_code == 200, reply.text


def passport(**changed: str) -> dict[str, object]:
    """The piece of a passport."""
    return {"piece": "document", "kind": "passport", "fields": {**PASSPORT, **changed}, "checks": checks(GOOD)}


def checks(answers: Sequence[Any]) -> list[dict[str, object]]:
    """Answers of a checklist as a desk sends them."""
    return [
        {
            "check": one.check,
            "outcome": one.outcome.value,
            **({} if one.lookup is None else {"lookup": asdict(one.lookup)}),
        }
        for one in answers
    ]


@dataclass(slots=True)
class DeskStage:
    """Everything together."""

    parts: Container
    line: httpx.AsyncClient
    post: Desk
    library: Desk
    cases: CaseContext

    async def asks(self, *, ready: bool = True) -> Case:
        """A citizen asks for help; the case as it is stored."""
        now, system = self.parts.system.now(), self.parts.system
        name, policy = f"case-{secrets.token_hex(6)}", self.cases.rules.policy
        begun = replace(
            draft(),
            id=name,
            transaction=f"transaction-{name}",
            reference=new_user_code(system, 8),
            continuation=f"digest-{name}",
            created=now,
            changed=now,
            deadline=now + policy.draft,
            expires=now + policy.max_duration,
        )
        contact = Contact(ContactMethod.EMAIL, "ada@example.org")
        for event in (ev.Submitted(contact, Channel.IN_PERSON), *((ev.ReadyForSession(),) if ready else ())):
            begun = advance(begun, event, now, policy)
        begun = replace(begun, version=1)
        created = await self.parts.connections.sql_stores.cases.create(begun, audit_rows(begun))
        assert created is CreateCaseResult.DONE
        return begun

    async def case(self, case_id: str) -> Case:
        """A case as it is stored."""
        found = await self.parts.connections.sql_stores.cases.load(case_id)
        assert found is not None
        return found

    async def lapse(self, made: Case) -> None:
        """The lease of a case ends now. The clock of PostgreSQL cannot be advanced."""
        stored = await self.case(made.id)
        over = replace(stored, version=stored.version + 1, lease=self.parts.system.now())
        assert await self.parts.connections.sql_stores.cases.save(over, ())

    def present(self, who: StaffMember) -> StaffPrincipal:
        """A member of staff who has just signed in."""
        at = self.parts.system.now()
        session = StaffSession("d", who.id, who.subject, "high", ("hwk",), int(at), at, at, at + 3600)
        return StaffPrincipal(who, session, at + 300)

    async def reviews(self, made: Case, decision: Decision = Decision.APPROVE, *, agrees: bool = True) -> None:
        """A member of staff reviews the case."""
        who, console = self.present(ANN), StaffCases(self.cases)
        reasons = () if decision is Decision.APPROVE else ("face_differs",)
        view = had(await console.claim(who, CaseRef(made.id)))
        view = had(await console.record_independent_review(who, view.ref, decision, reasons))
        had(await console.review_verdict(who, view.ref, () if agrees else ("not_convinced",), agrees=agrees))

    async def events(self, case_id: str) -> list[AuditEvent]:
        """The audit rows of a case."""
        rows = await self.parts.connections.sql_stores.audit.read(0, 100_000)
        return [event for _, event in rows if event.case == case_id]

    async def sent(self, client_id: str) -> list[Mapping[str, str]]:
        """Events that wait for a desk, taken out for good."""
        lane = self.parts.connections.sql_stores.deliveries.lane(DeliveryKind.DESK_EVENT, client_id)
        now = self.parts.system.now()
        found = await lane.claim(now, now + 10**6, 100)
        return [one.content for one in found]

    async def nothing_half_done(self, case_id: str) -> Case:
        """Checks that the history of a case and its audit rows agree, and that no desk is its agent or reviewer."""
        stored = await self.case(case_id)
        told = [one for one in await self.events(case_id) if one.kind.startswith("case_")]
        assert [one.kind for one in told] == [f"case_{move.event}" for move in stored.history]
        for one, move in zip(told, stored.history, strict=True):
            if move.who.startswith("desk:"):
                assert (one.actor, move.role.value) == (move.who, "desk")
                assert one.details["location"]
        assert not any((who or "").startswith("desk:") for who in (stored.agent, stored.reviewer))
        return stored


@asynccontextmanager
async def desk_stage(folder: Path, database: str | None, *, again: bool = False) -> AsyncIterator[DeskStage]:
    """Opens it with its data in the folder, or in a PostgreSQL database. With `again` it was open there before."""
    edits = dict(SCRIPT.edits)
    if database is not None:
        edits["broker.toml"] = {**edits["broker.toml"], 'url = "sqlite:../.demo/facts.db"': f'url = "{database}"'}
    ports, real = Ports(FIRST_PORT), real_system()
    config = folder / "config" if again else laid_out(folder, replace(SCRIPT, edits=edits))
    settings = configured(ports, real, config)
    await wiring.migrate_schema(settings)
    async with wiring.open_container(settings, real) as parts:
        transport = httpx.ASGITransport(public_app(parts))
        issuer = ports.url(0)
        async with httpx.AsyncClient(transport=transport, base_url=issuer) as line:
            first, second = land_register(folder, issuer, ports.url(2)), rides(folder, issuer)
            post = await Desk(line, first, "market-street").arrive()
            library = await Desk(line, replace(second, bound=True), "harbour").arrive()
            yield DeskStage(parts, line, post, library, case_context(parts))


def problem(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Checks problem details, and returns them."""
    assert reply.status_code == status, (reply.status_code, reply.text)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["Cache-Control"] == "no-store"
    content: dict[str, Any] = json.loads(reply.content)
    assert (content["status"], content["code"]) == (status, code), content
    return content
