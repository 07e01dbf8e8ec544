"""SCIM 2.0: wrong tokens are limited, the last admin stays, and the directory says what people are trained for."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from broker.actions.people.directory import StaffPeople
from broker.model.staff import UNSAID, StaffMember
from broker.platform.system import System
from tests.support.system import FakeClock
from tests.unit.web.staff import ADA, CARYS, PEOPLE, R, Ready, staged
from tests.unit.web.test_scim import BASE, CORE, PATCH, STAFF, TOKEN, Directory, directory_of

pytestmark = pytest.mark.store

FULL = {
    "skills": [{"value": "chip", "until": "2030-06-01"}, {"value": "light"}],
    "languages": ["en", "cy"],
    "channels": ["video", "in_person"],
    "capacity": 3,
    "inTraining": True,
}


@pytest.fixture
async def people() -> dict[str, StaffMember]:
    """The members of staff of the file as loaded; a test takes some out, as a reload does."""
    return dict(PEOPLE)


@pytest.fixture
async def directory(
    console_ready: Ready, tmp_path: Path, system: System, people: dict[str, StaffMember]
) -> AsyncIterator[Directory]:
    async with (
        staged(console_ready, tmp_path, system) as stage,
        directory_of(stage, lambda: dict(people), wrong=3) as opened,
    ):
        yield opened


def named(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token}"}


# --- wrong tokens ---


async def test_beyond_the_limit_no_token_of_the_address_is_compared_any_more(
    directory: Directory, clock: FakeClock
) -> None:
    async def status(token: str) -> httpx.Response:
        return await directory.client.get(f"{BASE}/Users", headers=named(token))

    clock.advance(60 - clock.now() % 60)
    for _ in range(5):
        assert (await status(TOKEN)).status_code == 200
    assert [(await status(f"guess-{n}")).status_code for n in range(4)] == [401, 401, 401, 429]
    refused = await status(TOKEN)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert refused.json() == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "429",
        "detail": "too many wrong tokens",
    }
    clock.advance(59)
    assert (await status(TOKEN)).headers["retry-after"] == "1"
    clock.advance(1)
    assert (await status(TOKEN)).status_code == 200


# --- the last admin ---


@pytest.fixture
async def kit(directory: Directory, people: dict[str, StaffMember]) -> str:
    """An admin of the directory, who is the only one after a reload."""
    made = (await directory.person())["id"]
    await directory.join("admin", made)
    assert await directory.approve() == "/people?told=change_approved"
    del people[ADA.id]
    return str(made)


KIT: Mapping[str, object] = {"schemas": [f"{CORE}:User"], "userName": "kit@x.example"}


def operation(op: str, path: str, value: object = None) -> Mapping[str, object]:
    one = {"op": op, "path": path} | ({} if value is None else {"value": value})
    return {"schemas": [PATCH], "Operations": [one]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/Users/{}", operation("replace", "active", value=False)),
        ("PATCH", "/Users/{}", operation("remove", "externalId")),
        ("PUT", "/Users/{}", {**KIT, "externalId": "sub-kit", "active": False}),
        ("PUT", "/Users/{}", KIT),
        ("DELETE", "/Users/{}", None),
        ("PATCH", "/Groups/admin", operation("remove", "members")),
        ("PUT", "/Groups/admin", {"schemas": [f"{CORE}:Group"], "displayName": "admin", "members": []}),
    ],
)  # fmt: skip
async def test_the_directory_cannot_take_the_last_admin_away(
    directory: Directory, kit: str, people: dict[str, StaffMember], method: str, path: str, body: object
) -> None:
    before = await directory.stage.facts.people.entries()
    refused = await directory.send(method, path.format(kit), body)
    assert (refused.status_code, "last admin" in refused.json()["detail"]) == (409, True), refused.text
    assert await directory.stage.facts.people.entries() == before
    assert not await directory.stage.facts.people.changes(directory.stage.system.now())
    people["bea"] = StaffMember("bea", "staff-bea", "Bea Novak", frozenset({R.ADMIN}))
    assert (await directory.send(method, path.format(kit), body)).status_code in (200, 204)


async def test_what_does_not_take_the_last_admin_away_is_written(directory: Directory, kit: str) -> None:
    named_else = await directory.send("PATCH", f"/Users/{kit}", operation("replace", "displayName", "Kit Park"))
    assert named_else.json()["displayName"] == "Kit Park"
    other = (await directory.person("lou"))["id"]
    assert (await directory.send("DELETE", f"/Users/{other}")).status_code == 204


# --- what people are trained for ---


async def members_of(directory: Directory) -> Mapping[str, StaffMember]:
    """The members of staff as the console knows them."""
    people = StaffPeople(directory.stage.facts.people, lambda: {CARYS.id: CARYS})
    return await people.present()


async def test_the_extension_says_skills_with_their_end_languages_channels_and_capacity(directory: Directory) -> None:
    made = await directory.person(**{STAFF: FULL, "schemas": [f"{CORE}:User", STAFF]})
    assert made[STAFF] == FULL
    assert STAFF in made["schemas"]
    await directory.join("agent", made["id"])
    await directory.approve()
    member = (await members_of(directory))[made["id"]]
    assert member == StaffMember(
        made["id"],
        "sub-kit",
        "kit@x.example",
        frozenset({R.AGENT}),
        in_training=True,
        skills=("chip", "light"),
        languages=("en", "cy"),
        channels=("video", "in_person"),
        capacity=3,
        training={"chip": "2030-06-01"},
    )
    assert member.current(2_000_000_000.0).skills == ("light",)
    renewed = operation("replace", f"{STAFF}:skills", [{"value": "chip", "until": "2040-01-01"}])
    changed = (await directory.send("PATCH", f"/Users/{made['id']}", renewed)).json()
    assert changed[STAFF]["skills"] == [{"value": "chip", "until": "2040-01-01"}]
    assert changed[STAFF]["capacity"] == 3
    rows = [row for _, row in await directory.stage.facts.audit.read(0, 50) if row.kind == "staff_updated"]
    assert [row.details["changed"] for row in rows] == ["abilities"]
    assert "chip" not in str(rows)
    again = [{"value": "chip", "until": "2041-01-01"}, {"value": "light"}]
    more = await directory.send("PATCH", f"/Users/{made['id']}", operation("add", f"{STAFF}:skills", again))
    assert more.json()[STAFF]["skills"] == again
    gone = await directory.send("PATCH", f"/Users/{made['id']}", operation("remove", STAFF))
    assert STAFF not in gone.json()
    assert (await members_of(directory))[made["id"]].skills == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"skills": [{"value": "alchemy"}]},
        {"skills": [{"value": "chip", "until": "June"}]},
        {"skills": [{"value": "chip", "until": "2030-02-30"}]},
        {"skills": [{"until": "2030-06-01"}]},
        {"languages": ["en", "xx"]},
        {"channels": ["pigeon"]},
        {"capacity": 0},
        {"capacity": 21},
        {"capacity": "many"},
        {"skills": "chip"},
    ],
)
async def test_an_extension_that_names_what_is_not_known_is_refused_whole(
    directory: Directory, wrong: Mapping[str, object]
) -> None:
    said = {"schemas": [f"{CORE}:User", STAFF], "userName": "kit", "externalId": "sub-kit", STAFF: {**FULL, **wrong}}
    refused = await directory.send("POST", "/Users", said)
    assert refused.status_code == 400, refused.text
    assert refused.json()["scimType"] in ("invalidValue", "invalidSyntax")
    assert not await directory.stage.facts.people.entries()


async def test_discovery_publishes_the_extension(directory: Directory) -> None:
    schema = (await directory.send("GET", f"/Schemas/{STAFF}")).json()
    assert {one["name"] for one in schema["attributes"]} == {
        "skills",
        "languages",
        "channels",
        "capacity",
        "inTraining",
    }
    user = (await directory.send("GET", "/ResourceTypes/User")).json()
    assert (user["name"], user["schemaExtensions"]) == ("User", [{"schema": STAFF, "required": False}])


async def test_without_the_extension_a_person_has_no_skill_and_one_case_at_a_time(directory: Directory) -> None:
    made = await directory.person()
    assert STAFF not in made
    [entry] = await directory.stage.facts.people.entries()
    assert entry.abilities == UNSAID
