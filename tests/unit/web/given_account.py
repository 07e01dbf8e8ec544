"""The citizen's account over replaced actions: what each page shows is chosen by the session cookie of the request."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from broker.account.activity import KINDS, Activity, ActivityGroup
from broker.account.links import LinkRefusal
from broker.actions.account import activity, data, own, services, sessions, wrong
from broker.actions.account.activity import ActivityView, SeenActivity
from broker.actions.account.data import DataView, HeldData
from broker.actions.account.own import HomeView, OwnAccount, OwnRefusal
from broker.actions.account.services import OwnService, ServicesView
from broker.actions.account.sessions import SeenSession, SessionsView
from broker.actions.account.wrong import SeenWay, WrongView
from broker.actions.browser import Browser, SignedOutUser
from broker.model.account import AccountRecord, Agreement, Disclosure, HeldRelease, OwnSession
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.model.passkey import KeptIdentity, KeptWithPasskeys, Passkey
from broker.model.service import Service
from broker.model.session import Session
from tests.unit.web.examples import ACCOUNT, BANK, HOUR, NOW, SERVICE
from tests.unit.web.shown_pages import LONG

SIGN_INS = ActivityGroup.SIGN_INS
PROOF = Identity("alder", "https://alder.example", "17", Level.HIGH, (), int(NOW) - 60)
OPENED = OwnAccount(
    Session("here", "sid", "account-1", PROOF, NOW - HOUR, NOW - 60, NOW + HOUR),
    [one.way for one in ACCOUNT.ways],
    None,
    600,
)
"""An account that was just proved."""

STATES = {
    "account": OPENED,
    "one": replace(OPENED, refusal=LinkRefusal.TOO_WEAK),
    "stale": replace(OPENED, refusal=LinkRefusal.NOT_FRESH),
}


def _claims(client: str, *names: str, withdrawn: float | None = None) -> tuple[Disclosure, ...]:
    return tuple(Disclosure(client, name, NOW - 9e6, NOW - 8e4, withdrawn) for name in names)


SERVICES = (
    OwnService(
        Agreement("fishing", _claims("fishing", "birthdate", "name", "sub"), Level.SUBSTANTIAL, NOW + 9e5), SERVICE
    ),
    OwnService(Agreement("closed since & <gone>", _claims("closed since & <gone>", "sub")), None),
    OwnService(Agreement(LONG, _claims(LONG, "address", withdrawn=NOW - 60), Level.LOW), None),
    OwnService(Agreement("blocked", _claims("blocked", "sub", withdrawn=NOW - 60), Level.HIGH, blocked=NOW - 60), None),
)
"""Services of every kind: one that may read by itself, one that is not registered any more, one whose agreement was
taken back, one that is blocked."""


def _session(digest: str, browser: str, provider: str | None, began: float = NOW - 30 * HOUR) -> OwnSession:
    level = None if provider is None else Level.HIGH
    return OwnSession(digest, browser, provider, level, began, NOW - HOUR, NOW + HOUR)


def _happened(kind: str, group: ActivityGroup, service: Service | None = None, **more: Any) -> SeenActivity:
    client = None if service is None else service.client_id
    return SeenActivity(Activity(NOW - HOUR, kind, group, client, **more), service, BANK)


_PERSON = {"role": "desk", "office": "=HYPERLINK(1)"}
ACTIVITY = (
    _happened("service_answered", SIGN_INS, SERVICE, provider="alder", level=Level.HIGH, claims=("name", "birthdate")),
    _happened("attempt_failed", ActivityGroup.FAILED, SERVICE, provider="alder", failure="cancelled"),
    _happened("person_looked", ActivityGroup.PEOPLE, SERVICE, **_PERSON),
    *(_happened(kind, KINDS[kind], SERVICE, provider="alder") for kind in KINDS),
)
"""One entry of every kind, and some with everything that an entry may have."""

SESSIONS = (
    SeenSession(_session("here", "firefox/linux", "alder", NOW - HOUR), BANK, (("fishing", SERVICE), (LONG, None))),
    SeenSession(_session("elsewhere", "/android", "help"), None, ()),
    SeenSession(_session("unknown", "", None), None, ()),
)


WAYS = (
    SeenWay(ACCOUNT.ways[0].way, BANK, stoppable=False),
    SeenWay(ACCOUNT.ways[1].way, None, stoppable=True),
    SeenWay(replace(ACCOUNT.ways[2].way, stopped=NOW - 9e4), None, stoppable=False),
)


CLAIMS = {"name": "Ada <i>Hughes</i>", "birthdate": "1985-12-10", "address": {"formatted": "1 Hill\nAberlan"}}
HELD = HeldData(
    AccountRecord(
        NOW - 9e6,
        {SERVICE.sector: "sub-at-fishing"},
        (HeldRelease("fishing", CLAIMS, NOW - 60, NOW + 9e5), HeldRelease(LONG, {}, NOW - 60, NOW + 9e5)),
    ),
    SERVICES,
    SESSIONS,
    ACTIVITY,
    (
        KeptWithPasskeys(
            KeptIdentity("key-of-kept", replace(PROOF, claims=CLAIMS, provider="help"), NOW - 9e5, NOW + 9e6, NOW - 60),
            (Passkey("digest", b"id", b"key", b"user", *(True, "My <phone>", NOW - 9e5, 1, NOW - 60)),),
        ),
    ),
    {"alder": BANK},
)


def replace_account_actions(
    monkeypatch: pytest.MonkeyPatch, did: Callable[..., None], refused: Callable[[], OwnRefusal | None]
) -> None:
    """Replaces the actions of the account's pages. `did` records a change, `refused` says what comes of it."""

    async def home_seen(_context: object, browser: Browser) -> HomeView | None:
        own_account = STATES.get(browser.session or "")
        return None if own_account is None else HomeView(own_account, BANK, passkeys=browser.session != "one")

    async def services_seen(_context: object, browser: Browser) -> ServicesView | None:
        own_account = STATES.get(browser.session or "")
        found = () if browser.session == "one" else SERVICES
        return None if own_account is None else ServicesView(own_account, found)

    async def sessions_seen(_context: object, browser: Browser) -> SessionsView | None:
        own_account = STATES.get(browser.session or "")
        found = SESSIONS[:1] if browser.session == "one" else SESSIONS
        return None if own_account is None else SessionsView(own_account, found)

    async def activity_seen(_context: object, browser: Browser) -> ActivityView | None:
        own_account = STATES.get(browser.session or "")
        shown = () if own_account is None or not own_account.fresh else ACTIVITY
        return None if own_account is None else ActivityView(own_account, shown)

    async def wrong_seen(_context: object, browser: Browser) -> WrongView | None:
        own_account = STATES.get(browser.session or "")
        return None if own_account is None else WrongView(own_account, WAYS[:1] if browser.session == "one" else WAYS)

    async def disowned(_context: object, browser: Browser, key: str) -> OwnRefusal | SignedOutUser:
        did(browser, "disown", key)
        return refused() or SignedOutUser()

    async def data_seen(_context: object, browser: Browser) -> DataView | None:
        own_account = STATES.get(browser.session or "")
        if own_account is None:
            return None
        own_account = replace(own_account, session=replace(own_account.session, identity=replace(PROOF, claims=CLAIMS)))
        return DataView(own_account, HELD if own_account.fresh else None)

    async def left(_context: object, browser: Browser) -> OwnRefusal | SignedOutUser:
        did(browser, "leave")
        return refused() or SignedOutUser()

    def changes(name: str) -> Callable[..., Any]:
        async def changed(_context: object, browser: Browser, *rest: Any, **more: Any) -> OwnRefusal | None:
            did(browser, name, *rest, *more.values())
            return refused()

        return changed

    async def ended(_context: object, browser: Browser, digest: str | None, *, here: bool) -> Any:
        did(browser, "end_sessions", digest, here)
        return refused() or (SignedOutUser() if here else None)

    for module, action, replacement in (
        (own, "view_home", home_seen),
        (activity, "view_activity", activity_seen),
        (data, "view_data", data_seen),
        (data, "leave", left),
        (wrong, "view_wrong", wrong_seen),
        (wrong, "disown", disowned),
        (wrong, "resume_way", changes("resume_way")),
        (wrong, "stop_way", changes("stop_way")),
        (services, "view_services", services_seen),
        (services, "end_agreement", changes("end_agreement")),
        (services, "unblock", changes("unblock")),
        (sessions, "view_sessions", sessions_seen),
        (sessions, "end_sessions", ended),
    ):
        monkeypatch.setattr(module, action, replacement)
