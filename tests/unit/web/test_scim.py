"""SCIM 2.0: the operator's directory provisions members of staff, asks for roles, and ends what a leaver has open."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_models import ScimProvider
from scim2_tester import Status, check_server

from broker.actions.people.directory import StaffPeople
from broker.actions.people.provisioning import Provisioning
from broker.assisted.case_records import Channel
from broker.assisted.profiles import default_profiles
from broker.model.rate_limit import RateWindow
from broker.model.staff import StaffMember
from broker.model.staff_people import SubjectAttribute
from broker.platform.system import System
from broker.stores.ephemeral.memory import MemoryRateLimits
from broker.web.scim import ScimServer, scim_routes
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler
from tests.unit.web.staff import ADA, PEOPLE, R, Ready, Stage, staged

pytestmark = pytest.mark.store

BASE = "http://localhost/scim/v2"
TOKEN = "t" * 40
CORE = "urn:ietf:params:scim:schemas:core:2.0"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ALWAYS_SAID = "PATCH modify() did not remove attribute 'active'"
"""Who is neither active nor inactive is active: the only thing that the tester finds."""
KNOWN = {
    "skills": default_profiles().skills,
    "languages": frozenset({"en", "cy", "ar"}),
    "channels": frozenset[str](Channel),
}
STAFF = "urn:portico:scim:schemas:extension:staff:1.0:User"
EXPLAINED = {ALWAYS_SAID} | {
    f"PATCH modify() {fault}"
    for name in ("skills", "languages", "channels", "capacity", "inTraining")
    for fault in (
        f"returned unexpected value for '{STAFF}:{name}'.",
        f"did not remove attribute '{STAFF}:{name}'",
    )
}
"""Beside that: `add` leaves the values that a list has (RFC 7644 3.5.2.1), 2 is not what the tester sent as "2", and a
capacity that is not said is 1."""
BEA = StaffMember("bea", "staff-bea", "Bea Novak", frozenset({R.ADMIN}))


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that provisions people, and the console beside it."""

    client: httpx.AsyncClient
    stage: Stage

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Sends a request with the token."""
        content = None if body is None else json.dumps(body)
        sent = {"authorization": f"Bearer {TOKEN}", "content-type": "application/scim+json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"{BASE}{path}", content=content, headers=sent | named)

    async def person(self, name: str = "kit", **more: object) -> Mapping[str, Any]:
        """Adds a person."""
        said = {"schemas": [f"{CORE}:User"], "userName": f"{name}@x.example", "externalId": f"sub-{name}", **more}
        made = await self.send("POST", "/Users", said)
        assert made.status_code == 201, made.text
        found: Mapping[str, Any] = made.json()
        return found

    async def join(self, role: str, *members: str, op: str = "add") -> httpx.Response:
        """Asks for a role of people."""
        value = [{"value": member} for member in members]
        change = {"schemas": [PATCH], "Operations": [{"op": op, "path": "members", "value": value}]}
        return await self.send("PATCH", f"/Groups/{role}", change)

    async def approve(self, admin: StaffMember = ADA) -> str:
        """An admin approves the change that waits; returns where it leads."""
        [change] = await self.stage.facts.people.changes(self.stage.system.now())
        client = await self.stage.sign_in(admin)
        sent = await client.send(f"/role-changes/{change.id}", "/people", {"do": "approve"})
        return str(sent.headers.get("location", sent.status_code))

    async def kinds(self) -> list[str]:
        """The audit rows about staff, in their order."""
        rows = await self.stage.facts.audit.read(0, 200)
        return [row.kind for _, row in rows if row.actor == "scim"]


@pytest.fixture
async def directory(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Directory]:
    """SCIM over the database of a console."""
    people = {**PEOPLE, BEA.id: BEA}
    async with (
        staged(console_ready, tmp_path, system, people=people) as stage,
        directory_of(stage, lambda: people) as opened,
    ):
        yield opened


@asynccontextmanager
async def directory_of(
    stage: Stage, configured: Callable[[], Mapping[str, StaffMember]], wrong: int = 30
) -> AsyncIterator[Directory]:
    """SCIM over the database of a console. An address may send `wrong` tokens a minute."""
    people = StaffPeople(stage.facts.people, configured)
    provisioning = Provisioning(people, stage.system, SubjectAttribute.EXTERNAL_ID, KNOWN)
    rates = MemoryRateLimits(stage.system)
    routes = scim_routes(ScimServer(provisioning, "http://localhost", TOKEN, rates, RateWindow(wrong, 60)))

    async def broken(_request: object, problem: Exception) -> Any:
        raise problem

    app = fast_router(routes, {Exception: broken}, NotFoundHandler("http://localhost", ()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        yield Directory(client, stage)


def as_wsgi(app: httpx.AsyncClient, loop: asyncio.AbstractEventLoop) -> Callable[..., Iterable[bytes]]:
    """The application as the synchronous client of the tester calls it, run by the loop of the test."""

    def called(environ: MutableMapping[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
        names = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        names |= {"content-type": environ["CONTENT_TYPE"]} if environ.get("CONTENT_TYPE") else {}
        body = environ.get("wsgi.input", BytesIO()).read()
        url = f"http://localhost{environ['SCRIPT_NAME']}{quote(environ['PATH_INFO'])}?{environ['QUERY_STRING']}"
        sent = app.request(environ["REQUEST_METHOD"], url, content=body, headers=names)
        answer = asyncio.run_coroutine_threadsafe(sent, loop).result(20)
        start(f"{answer.status_code} X", list(answer.headers.items()))
        return [answer.content]

    return called


async def test_the_tester_of_scim_finds_no_fault_in_discovery_and_users(directory: Directory) -> None:
    wsgi = as_wsgi(directory.client, asyncio.get_running_loop())
    client = WSGISCIMClient(wsgi, BASE, provider=ScimProvider(), environ={"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"})
    results = await asyncio.to_thread(check_server, client, resource_types=["User"])
    faults = [str(one.reason) for one in results if one.status in (Status.ERROR, Status.CRITICAL)]
    assert {fault.partition("\n")[0] for fault in faults} <= EXPLAINED
    assert ALWAYS_SAID in faults
    assert len(results) > 30


async def test_a_provisioned_person_has_no_role_until_an_admin_approves_what_the_directory_asks_for(
    directory: Directory,
) -> None:
    kit = await directory.person(displayName="Kit Park", emails=[{"value": "kit@x.example"}])
    assert "roles" not in kit
    assert "emails" not in kit
    asked = await directory.join("agent", kit["id"])
    assert (asked.status_code, asked.json().get("members")) == (200, None)
    again = await directory.join("agent", kit["id"])
    assert again.status_code == 200
    waits = (await directory.send("GET", f"/Users/{kit['id']}")).json()
    assert waits["roles"] == [{"value": "agent", "type": "waiting"}]
    [change] = await directory.stage.facts.people.changes(directory.stage.system.now())
    assert (change.asked_by, change.before, change.after) == ("scim", frozenset(), {R.AGENT})
    page = (await (await directory.stage.sign_in(ADA)).get("/people")).text
    assert "Kit Park" in page
    assert "the organisation’s directory" in page
    assert await directory.approve() == "/people?told=change_approved"
    held = (await directory.send("GET", f"/Users/{kit['id']}")).json()
    assert held["roles"] == [{"value": "agent", "type": "in_force"}]
    members = (await directory.send("GET", "/Groups/agent")).json()["members"]
    assert [member["value"] for member in members] == [kit["id"]]
    assert await directory.kinds() == ["staff_provisioned", "staff_change_asked"]


async def test_deactivating_ends_sessions_and_takes_roles_at_once_and_coming_back_gives_none(
    directory: Directory,
) -> None:
    kit = await directory.person()
    await directory.join("agent", kit["id"])
    await directory.approve()
    console = await directory.stage.sign_in(StaffMember(kit["id"], "sub-kit", "", frozenset()))
    assert (await console.get("/")).status_code == 200
    off = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": False}]}
    left = await directory.send("PATCH", f"/Users/{kit['id']}", off)
    assert left.json()["active"] is False
    assert "roles" not in left.json()
    assert (await console.get("/")).headers["location"].startswith("/sign-in")
    on = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": True}}]}
    assert (await directory.send("PATCH", f"/Users/{kit['id']}", on)).json()["active"] is True
    assert (await console.get("/")).headers["location"].startswith("/sign-in")
    again = await directory.stage.sign_in(StaffMember(kit["id"], "sub-kit", "", frozenset()))
    assert (await again.get("/")).headers["location"].startswith("/sign-in")
    assert (await directory.kinds())[-2:] == ["staff_deactivated", "staff_updated"]
    assert (await directory.send("DELETE", f"/Users/{kit['id']}")).status_code == 204
    assert (await directory.send("GET", f"/Users/{kit['id']}")).status_code == 404
    assert (await directory.person())["id"] != kit["id"]


@pytest.mark.parametrize("form", ["value", "path"])
async def test_a_change_of_the_directory_is_never_approved_by_the_person_it_is_about(
    directory: Directory, form: str
) -> None:
    kit = await directory.person()
    await directory.join("admin", kit["id"])
    await directory.approve()
    own = StaffMember(kit["id"], "sub-kit", "Kit", frozenset({R.ADMIN}))
    await directory.join("auditor", kit["id"])
    assert await directory.approve(own) == "/people?problem=own"
    if form == "value":
        await directory.join("auditor", kit["id"], op="Remove")
    else:
        gone = [{"op": "remove", "path": f'members[value eq "{kit["id"]}"]'}]
        await directory.send("PATCH", "/Groups/auditor", {"schemas": [PATCH], "Operations": gone})
    assert not await directory.stage.facts.people.changes(directory.stage.system.now())
    removed = await directory.send("PUT", "/Groups/admin", {"schemas": [f"{CORE}:Group"], "displayName": "admin"})
    assert [one["value"] for one in removed.json()["members"]] == [kit["id"]]
    assert await directory.approve(BEA) == "/people?told=change_approved"
    assert "members" not in (await directory.send("GET", "/Groups/admin")).json()


async def test_an_admins_own_proposal_is_not_replaced_by_the_directory(directory: Directory) -> None:
    kit = await directory.person()
    admin = await directory.stage.sign_in(ADA)
    at = f"/people/{kit['id']}"
    await admin.send(f"{at}/roles", at, {"role.lead": "yes", "reason": "joined"})
    assert (await directory.join("agent", kit["id"])).status_code == 409
    assert await directory.approve(BEA) == "/people?told=change_approved"
    assert (await directory.join("agent", kit["id"])).status_code == 200


async def test_filter_pages_versions_and_uniqueness(directory: Directory) -> None:
    people = [await directory.person(name) for name in ("ann", "bob", "cat")]
    found = (await directory.send("GET", '/Users?filter=userName%20eq%20"BOB@x.example"')).json()
    assert (found["totalResults"], found["Resources"][0]["id"]) == (1, people[1]["id"])
    by_id = (await directory.send("GET", '/Users?filter=externalId%20eq%20"sub-cat"&attributes=userName')).json()
    assert set(by_id["Resources"][0]) == {"schemas", "id", "userName"}
    page = (await directory.send("GET", "/Users?startIndex=2&count=1")).json()
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (3, 2, 1)
    for wrong in ("userName%20eq", 'userName%20eq%20"x', "userName%20xx%201", "nothing%20eq%201", "(" * 2000):
        refused = await directory.send("GET", f"/Users?filter={wrong}")
        assert (refused.status_code, refused.json().get("scimType")) == (400, "invalidFilter"), wrong
    at, tag = f"/Users/{people[0]['id']}", people[0]["meta"]["version"]
    assert (await directory.send("GET", at, if_none_match=tag)).status_code == 304
    renamed = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "displayName", "value": "Ann"}]}
    done = await directory.send("PATCH", at, renamed, if_match=tag)
    assert done.headers["etag"] != tag
    stale = await directory.send("PATCH", at, renamed, if_match=tag)
    assert stale.status_code == 412
    for said in ({"userName": "ANN@x.example"}, {"userName": "z", "externalId": "sub-ann"}):
        taken = await directory.send("POST", "/Users", {"schemas": [f"{CORE}:User"], **said})
        assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")
    of_file = {"schemas": [f"{CORE}:User"], "userName": "z", "externalId": "staff-ada"}
    assert (await directory.send("POST", "/Users", of_file)).status_code == 409


@pytest.mark.parametrize("token", [None, "", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"bearer {TOKEN[:-1]}"])
async def test_without_the_token_nothing_is_answered(directory: Directory, token: str | None) -> None:
    headers = {} if token is None else {"authorization": token}
    for path in ("/Users", "/ServiceProviderConfig", "/nothing"):
        refused = await directory.client.get(f"{BASE}{path}", headers=headers)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"null", b'{"userName": 7}', b"[" * 5000, b'{"userName": "\\u0000"}', b'{"userName": " "}'],
)
async def test_a_malformed_body_is_refused_in_the_form_of_scim(directory: Directory, body: bytes) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    for method, path in (("POST", "/Users"), ("PATCH", "/Groups/agent")):
        refused = await directory.client.request(method, f"{BASE}{path}", content=body, headers=headers)
        assert refused.status_code == 400, refused.text
        assert refused.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert not await directory.stage.facts.people.entries()


async def test_forged_ids_and_other_groups_change_nothing(directory: Directory) -> None:
    for member in ("carys", "scim_AAAA", "../Users"):
        refused = await directory.join("admin", member)
        assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")
    for path in ("/Users/carys", "/Users/ada", "/Groups/owner"):
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            sent = await directory.send(method, path, {"schemas": [PATCH], "Operations": []})
            assert sent.status_code in (404, 501), (method, path)
    assert (await directory.send("POST", "/Groups", {"displayName": "owner"})).status_code == 501
    assert (await directory.send("DELETE", "/Groups/admin")).status_code == 501
    assert not await directory.stage.facts.people.changes(directory.stage.system.now())
