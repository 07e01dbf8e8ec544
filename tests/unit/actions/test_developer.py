"""Services that an engineer registered: known by the audit record, shown to that account alone, and ended by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from broker.actions.account import developer
from broker.actions.account.developer import DeveloperContext, RegisteredClient
from broker.actions.account.own import OwnRefusal
from broker.actions.client_registration import RegistrationContext
from broker.model.json_types import JsonObject
from broker.model.service import Service
from broker.model.store_results import StoreUnavailable
from broker.platform.toml_loader import Problem, load
from broker.platform.toml_writer import dumps
from broker.settings.credentials import with_credentials
from tests.unit.actions.account_steps import audited, opens
from tests.unit.actions.page_world import BIRCH, World
from tests.unit.actions.test_own_account import own
from tests.unit.web.citizen_pages import marks

METADATA = {"client_name": "Rides", "redirect_uris": ["http://localhost:9/back"], "scope": "openid profile"}


@dataclass
class Folder:
    """The files of services that registered themselves, in force at once."""

    w: World
    files: dict[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

    async def add(self, client_id: str, file: JsonObject) -> Sequence[Problem]:
        """Takes the file."""
        if self.problems:
            return self.problems
        record, problems = load({"client_id": client_id, **file}, Service)
        assert record is not None, problems
        self.w.shelf.services[client_id] = with_credentials(record, prepared=True)[0]
        self.files[client_id] = dumps(file)
        return ()

    async def text(self, client_id: str) -> str:
        """Gives the file."""
        return self.files.get(client_id, "")

    async def remove(self, client_id: str) -> None:
        """Removes the file."""
        del self.files[client_id], self.w.shelf.services[client_id]


def trial(w: World, folder: Folder) -> RegistrationContext:
    """Registration into a folder."""

    def services() -> Mapping[str, Service]:
        return w.shelf.services

    system = w.sign_in.sign_in_context.system
    return RegistrationContext("https://broker.example/register", ("en", "cy"), folder, services, system, marks())


@pytest.fixture
def folder(w: World) -> Folder:
    """An empty folder."""
    return Folder(w)


@pytest.fixture
def context(w: World, folder: Folder) -> DeveloperContext:
    """What the pages work with."""
    return DeveloperContext(own(w), trial(w, folder), None)


async def registered(context: DeveloperContext, w: World, **more: Any) -> RegisteredClient:
    """The engineer registers a service."""
    made = await developer.register_service(context, w.browser, METADATA | more)
    assert isinstance(made, RegisteredClient), made
    return made


async def test_a_service_belongs_to_the_account_that_registered_it(w: World, context: DeveloperContext) -> None:
    await opens(w)
    made = await registered(context, w)
    assert made.secret is not None
    [row] = await audited(w, "client_registered")
    assert (row.client_id, row.account, row.actor) == (made.client_id, await w.account(), "citizen")
    view = await developer.view_services(context, w.browser)
    assert view is not None
    assert [one.client_id for one in view.services] == [made.client_id]
    file = await developer.settings_file(context, view, made.client_id)
    assert 'redirect_uris = ["http://localhost:9/back"]' in file
    assert "secret_digest" not in file
    assert "sector" not in file
    assert await developer.settings_file(context, view, "library") == ""


async def test_another_account_sees_and_ends_nothing_of_it(w: World, context: DeveloperContext, folder: Folder) -> None:
    await opens(w)
    made = await registered(context, w)
    w.browser = replace(w.browser, session=None)
    await opens(w, BIRCH)
    view = await developer.view_services(context, w.browser)
    assert view is not None
    assert view.services == ()
    assert await developer.end_service(context, w.browser, made.client_id) is OwnRefusal.NOTHING
    assert await developer.end_service(context, w.browser, "library") is OwnRefusal.NOTHING
    assert list(folder.files) == [made.client_id]


async def test_a_registration_is_ended_once(w: World, context: DeveloperContext, folder: Folder) -> None:
    await opens(w)
    made = await registered(context, w)
    assert await developer.end_service(context, w.browser, made.client_id) is None
    assert folder.files == {}
    assert len(await audited(w, "client_ended")) == 1
    assert await developer.end_service(context, w.browser, made.client_id) is OwnRefusal.NOTHING


async def test_without_a_session_nothing_is_registered(w: World, context: DeveloperContext, folder: Folder) -> None:
    assert await developer.view_services(context, w.browser) is None
    assert await developer.register_service(context, w.browser, METADATA) is OwnRefusal.SIGNED_OUT
    assert await developer.end_service(context, w.browser, "library") is OwnRefusal.SIGNED_OUT
    assert folder.files == {}


async def test_a_registration_that_cannot_be_audited_is_removed(
    w: World, context: DeveloperContext, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opens(w)

    async def unreachable(_events: object) -> None:
        raise StoreUnavailable("the database is away")

    monkeypatch.setattr(context.own.sign_in.stores.audit, "write", unreachable)
    with pytest.raises(StoreUnavailable):
        await developer.register_service(context, w.browser, METADATA)
    assert folder.files == {}


async def test_what_is_wrong_with_a_registration_is_told_in_words(
    w: World, context: DeveloperContext, folder: Folder
) -> None:
    await opens(w)
    folder.problems = [Problem("redirect_uris[0]", "this is no URL", "write https://")]
    said = await developer.register_service(context, w.browser, METADATA)
    assert isinstance(said, str)
    assert "this is no URL" in said
    said = await developer.register_service(context, w.browser, METADATA | {"response_types": ["token"]})
    assert isinstance(said, str)
    assert await audited(w, "client_registered") == []


async def test_what_is_missing_before_it_goes_live_is_found(w: World, context: DeveloperContext) -> None:
    await opens(w)
    made = await registered(context, w)
    service = w.shelf.services[made.client_id]
    assert dict(developer.ready_for_production(service)) == {
        "https": False,
        "keys": False,
        "contact": False,
        "notice": False,
        "reasons": False,
    }
    told = replace(service.presentation, contact="Rides, 01632 960 700", privacy_notice="https://rides.example/privacy")
    purposes = tuple(replace(use, reason={"en": "To greet you"}) for use in service.claim_purposes)
    credentials = replace(service.credentials, secret_digest=None)
    done = replace(
        service,
        presentation=told,
        claim_purposes=purposes,
        credentials=credentials,
        redirect_uris=("https://rides.example/back",),
    )
    assert all(dict(developer.ready_for_production(done)).values())
