"""Every route of the citizen's account, tried by others: another account, no session, a forged, ended or stale one.

The routes are those of the application itself, so that a new one is tried without a word here. What belongs to Ada is
read from the database; nothing of it may be shown to another browser, and none of her rows may change.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route
from starlette.types import ASGIApp

from broker.actions.account import wrong
from broker.actions.account.developer import DeveloperContext
from broker.actions.browser import Browser
from broker.actions.passkeys.kept import KeptContext
from broker.model.account import ACCOUNT_SERVICE
from broker.model.handle import sha256_hex
from broker.web import citizens, public
from broker.web.citizens import own_data
from broker.web.citizens.developer_pages import developer_routes
from broker.web.middleware import guarded
from broker.web.shared import csrf
from broker.web.shared.fast_router import fast_router
from broker.web.shared.i18n import languages
from broker.web.shared.not_found import NotFoundHandler, typeable_paths
from broker.web.shared.pages import page_renderer
from broker.web.shared.static_files import statics
from tests.unit.actions.account_steps import opens
from tests.unit.actions.page_world import ALDER, BIRCH, World
from tests.unit.actions.test_developer import Folder, trial
from tests.unit.actions.test_own_account import own as own_context
from tests.unit.web.citizen_pages import ISSUER, SITE, marks

ADA = Browser(("adas-secret-of-this-test",), address="192.0.2.5")
BOB = Browser(("bobs-secret-of-this-test",), address="192.0.2.9")
FIELDS = ("way", "service", "session", "key", "passkey", "instead", "name", "days", "ceremony", "client")
"""Fields of the forms, and parameters of the pages, that name something."""


@dataclass
class Door:
    """The application over real stores, and its routes."""

    app: ASGIApp
    routes: Sequence[Route]

    async def ask(
        self, method: str, path: str, browser: Browser, session: str | None, fields: Mapping[str, str]
    ) -> httpx.Response:
        """One request of a browser; a form has the browser's own token, which is valid."""
        cookies = {"__Host-portico-browser": browser.secrets[0]}
        if session is not None:
            cookies["__Host-portico-session"] = session
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        token = csrf.token(marks(), browser.secrets, "account")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ISSUER) as client:
            if method == "POST":
                return await client.post(path, data={**fields, "token": token}, headers=headers)
            return await client.get(path, params=dict(fields), headers=headers)

    def requests(self) -> Iterator[tuple[str, str]]:
        """Method and path of every route; those that end every session of their own account come last."""
        for route in sorted(self.routes, key=lambda one: (one.path == own_data.DELETE, one.path == wrong.PATH)):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield method, route.path


@pytest.fixture
def door(w: World) -> Door:
    """The pages of the account over the stores of the world."""
    files = statics()
    sheets = (*citizens.SHEETS, *public.SHEETS, *citizens.DEVELOPER_SHEETS)
    pages = page_renderer(languages(SITE.languages, SITE.zone), SITE, sheets, files, on_demand=True)
    context, facts = w.sign_in.sign_in_context, w.stage.facts
    app = citizens.CitizenApp(context, w.sign_in.cases, pages, marks(), context.system)
    own = own_context(w)
    routes = [
        *citizens.own_account_routes(app, own),
        *developer_routes(app, DeveloperContext(own, trial(w, Folder(w)), None)),
        *citizens.kept_routes(app, KeptContext(context, facts.passkeys, facts.kept_identities)),
    ]
    account = [route for route in routes if route.path.startswith("/account")]
    inner = fast_router(routes, public.handlers(pages), NotFoundHandler(ISSUER, typeable_paths(routes)))
    refuse = public.header_error_handler(pages)
    return Door(guarded(inner, context.system, refuse=refuse), account)


@dataclass(frozen=True, slots=True)
class Held:
    """What the database holds of an account: ids that pages of the account show, and the rows themselves."""

    ids: frozenset[str]
    rows: frozenset[tuple[Any, ...]]


def held(file: Path, account: str) -> Held:
    """What belongs to an account, in every table that has accounts, and the services of its sessions."""
    with sqlite3.connect(file) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows, ids = set(), set()
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            key = "account_id" if "account_id" in columns else "sid" if table == "session_clients" else None
            if key is None:
                continue
            mine = "?" if key == "account_id" else "(SELECT sid FROM sessions WHERE account_id = ?)"
            for row in connection.execute(f"SELECT * FROM {table} WHERE {key} IN ({mine})", (account,)):
                rows.add((table, *row))
                named = dict(zip(columns, row, strict=True))
                ids |= {str(named[name]) for name in ("digest", "sid", "sub", "client_id") if named.get(name)}
    return Held(frozenset((ids | {account}) - {ACCOUNT_SERVICE}), frozenset(rows))


async def citizen(w: World, browser: Browser, provider: str, subject: str) -> tuple[str, str]:
    """A citizen opens the account; gives its id and the session cookie."""
    w.browser = browser
    w.upstream[provider].subject = subject
    await opens(w, provider)
    assert w.browser.session is not None
    session = await w.stage.facts.sessions.load(sha256_hex(w.browser.session))
    assert session is not None
    return session.account, w.browser.session


@dataclass(frozen=True, slots=True)
class Two:
    """Ada, who uses the library and whose data the tests look for, and Bob: account and cookie of each, and a cookie
    of Ada's that was signed out."""

    ada: tuple[str, str]
    bob: tuple[str, str]
    ended: str
    file: Path

    def hers(self) -> Held:
        """What the database holds of Ada."""
        return held(self.file, self.ada[0])


@pytest.fixture
async def two(w: World, tmp_path: Path) -> Two:
    """Both have opened their account."""
    w.browser = ADA
    await w.agrees(await w.proves())
    _, first = await citizen(w, replace(ADA, secrets=("adas-other-browser-of-this",)), ALDER, "ada")
    await w.stage.facts.own_sessions.end(
        (await w.account()), [sha256_hex(first)], (await w.stage.audit())[0], lambda _ended: ()
    )
    ada = await citizen(w, ADA, ALDER, "ada")
    bob = await citizen(w, BOB, BIRCH, "bob")
    return Two(ada, bob, first, tmp_path / "facts.db")


async def test_ada_sees_what_the_others_must_not_see(door: Door, two: Two) -> None:
    shown = ""
    for method, path in door.requests():
        if method == "GET":
            shown += (await door.ask(method, path, ADA, two.ada[1], {})).text
    ids = two.hers().ids
    assert len([one for one in ids if one in shown]) >= 3, ids
    assert "library" in shown


@pytest.mark.parametrize("as_whom", ["bob", "stale", "signed out", "forged", "digest", "ended"])
async def test_nothing_of_another_citizen_is_shown_or_changed(door: Door, two: Two, w: World, as_whom: str) -> None:
    cookie = {
        "bob": two.bob[1],
        "stale": two.bob[1],
        "signed out": None,
        "forged": "session_forged-by-bob-in-this-test",
        "digest": sha256_hex(two.ada[1]),
        "ended": two.ended,
    }[as_whom]
    if as_whom == "stale":
        w.clock.advance(600 + 61)
    before = two.hers()
    rows = len(await w.stage.audit())
    values = ["", *sorted(before.ids)]
    for method, path in door.requests():
        for value in values:
            fields = dict.fromkeys(FIELDS, value) | ({"last": "yes", "do": "remove"} if value else {"all": "others"})
            answer = await door.ask(method, path, BOB, cookie, fields)
            assert answer.status_code < 500, (method, path, value)
            told = answer.text + answer.headers.get("location", "")
            leaked = [one for one in before.ids if one != value and one in told]
            assert not leaked, (method, path, value, leaked)
    assert two.hers() == before
    written = [one for one in (await w.stage.audit())[rows:] if one.account is not None]
    assert {one.account for one in written} <= {two.bob[0]}
    if as_whom == "stale":  # "this was not me" waits for no new sign-in, and a service on trial needs none
        assert {one.kind for one in written} == {"account_disowned", "session_ended", "client_registered"}
    elif as_whom != "bob":
        assert written == []


async def test_a_form_from_another_site_changes_nothing(door: Door, two: Two, w: World) -> None:
    before, rows = two.hers(), len(await w.stage.audit())
    for method, path in door.requests():
        for value in sorted(before.ids):
            stolen = replace(ADA, secrets=("a-secret-that-is-not-adas-own",))
            token = csrf.token(marks(), stolen.secrets, "account")
            headers = {
                "cookie": f"__Host-portico-browser={ADA.secrets[0]}; __Host-portico-session={two.ada[1]}",
                "origin": "https://evil.example",
            }
            if method == "POST":
                async with httpx.AsyncClient(transport=httpx.ASGITransport(door.app), base_url=ISSUER) as client:
                    fields = {**dict.fromkeys(FIELDS, value), "all": "here", "last": "yes", "token": token}
                    assert (await client.post(path, data=fields, headers=headers)).status_code < 500
    assert two.hers() == before
    assert len(await w.stage.audit()) == rows
