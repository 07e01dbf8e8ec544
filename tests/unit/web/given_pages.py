"""Pages of citizens beside that of the transaction, over replaced actions: example records in place of stored ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from starlette.routing import Route

from broker.actions.account.initiated_login import InitiatedLogin
from broker.actions.appointments import citizen as appointments
from broker.actions.appointments.booking import FreeTimes
from broker.actions.assisted import find_again
from broker.actions.assisted.find_again import OpenCase
from broker.actions.assisted.redress import DeclinedView
from broker.actions.files.sending import CitizenFiles, SentFiles
from broker.actions.logout import LogoutContext, LogoutSteps
from broker.actions.passkeys import case_passkeys, kept, sign_in
from broker.actions.passkeys.case_passkeys import CaseRegistration
from broker.actions.passkeys.kept import KeptContext, KeptView, NewRegistration
from broker.actions.passkeys.sign_in import PasskeyPrompt
from broker.actions.session_watch import SessionWatch
from broker.assisted.appointments import Bookable, Slot
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Complaint
from broker.assisted.case_states import CaseState
from broker.assisted.declined import DeclinedStatus
from broker.assisted.profiles import default_profiles
from broker.assisted.reasons import Reason
from broker.assisted.transitions import TransitionRefused
from broker.journey.transaction import TransactionState
from broker.model.assurance import Level
from broker.model.evidence_file import EvidenceFile, FileContent, FileKind, FilePurpose, FileSettings, FileState
from broker.model.identity import Identity
from broker.model.passkey import KeptIdentity, KeptWithPasskeys, Passkey
from broker.provider import SessionFrame
from broker.web import citizens
from broker.web.citizens import initiated_login, provider_logout_page, redress_pages, session_watch
from broker.web.citizens.provider_logout_page import goodbye_routes
from broker.web.citizens.session_watch import session_watch_routes
from tests.unit.assisted.cases import draft
from tests.unit.web.examples import BANK, HANDLE, HOUR, HOURS, NOW, OFFICE, SERVICE, transaction
from tests.unit.web.shown_pages import LONG

WAITING = transaction(TransactionState.WAITING)
OPEN_CASE = replace(draft(), state=CaseState.QUEUED, reference="P4TRXX92", created=NOW - HOUR)
OPTIONS = {"challenge": "AAAA", "user": {"id": "AAAA", "name": "Your account", "displayName": "Your account"}}
DAYS = (30, 90, 365)


def _passkey(name: str, used: float | None = None, *, bound: bool = False) -> Passkey:
    return Passkey(f"digest-{name}", b"c", b"k", b"u", bound, name, NOW - 9e6, 1, used)


def _kept(number: int, provider: str, *passkeys: Passkey, frozen: float | None = None) -> KeptWithPasskeys:
    claims = {"given_name": "Ada", "family_name": LONG, "birthdate": "1958-04-02"}
    identity = Identity(provider, f"https://{provider}.example", "17", Level.SUBSTANTIAL, (), int(NOW), claims)
    return KeptWithPasskeys(KeptIdentity(f"key-{number}", identity, NOW - 9e5, NOW + 9e6, frozen), passkeys)


KEPT = KeptView(
    (
        _kept(1, "alder", _passkey("My telephone", NOW - 60), _passkey(LONG, bound=True)),
        _kept(2, "help", _passkey("Key"), frozen=NOW),
    ),
    fresh=True,
    days=DAYS,
    default=90,
)
"""What is kept of two sources; one is stopped."""
KEPT_VIEWS = {
    "kept": KEPT,
    "nothing": replace(KEPT, kept=()),
    "stale": replace(KEPT, fresh=False),
    "account": KEPT,
    "one": KEPT,
}

PLACES = (
    FreeTimes(
        Bookable("central", Channel.IN_PERSON, HOURS, 1, 3600, OFFICE),
        tuple(Slot(NOW + hour * HOUR, NOW + (hour + 1) * HOUR, (0,)) for hour in (24, 25, 26, 48, 49)),
    ),
    FreeTimes(
        Bookable("north", Channel.IN_PERSON, HOURS, 1, 3600, replace(OFFICE, id="north", names={"en": LONG})), ()
    ),
)

DECLINED = DeclinedView(
    WAITING,
    SERVICE,
    DeclinedStatus(
        "P4TRXX92",
        NOW - HOUR,
        (Reason.EVIDENCE_EXPIRED.value, Reason.FACE_DIFFERS.value),
        NOW + 9e5,
        86400.0,
        may_ask=True,
        may_complain=True,
        complaint=None,
    ),
)
FAILED = transaction(TransactionState.FAILED)
ANSWERED = Complaint(NOW, f"Nobody listened. {LONG}", "We are sorry.", "rhys", NOW + 60)


def _declined(**changes: Any) -> DeclinedView:
    return replace(DECLINED, transaction=FAILED, status=replace(DECLINED.status, **changes))


DECLINED_VIEWS = {
    "declined": _declined(),
    "declined_no_reason": _declined(reasons=()),
    "declined_over": _declined(may_ask=False),
    "declined_complained": _declined(complaint=Complaint(NOW, "Nobody listened.")),
    "declined_answered": _declined(complaint=ANSWERED, may_complain=False),
}


def _file(number: int, purpose: FilePurpose, kind: FileKind = FileKind.PHOTO, *prompts: str) -> EvidenceFile:
    state = FileState.PROMPTED if prompts else FileState.READY
    content = FileContent(purpose, prompts=prompts)
    return EvidenceFile(f"file-{number}", "case-1", kind, state, NOW - 60, NOW + HOUR, "folder", content)


_SENDING = replace(OPEN_CASE, channel=Channel.SENT, state=CaseState.REQUESTED)
_FILES = (_file(1, FilePurpose.FRONT), _file(2, FilePurpose.BACK), _file(3, FilePurpose.PERSON, FileKind.VIDEO))
_PROMPTED = _file(4, FilePurpose.PERSON, FileKind.VIDEO, "look_left", "say:amber", "show_two")
SENT_FILES = {
    "send": SentFiles(WAITING, _SENDING, (), None, asking=True),
    "send_prompted": SentFiles(WAITING, _SENDING, _FILES[:1], _PROMPTED, asking=True),
    "send_all": SentFiles(WAITING, _SENDING, _FILES, None, asking=True),
    "send_elsewhere": SentFiles(WAITING, _SENDING, _FILES, None, asking=False),
    "send_handed_over": SentFiles(WAITING, replace(_SENDING, state=CaseState.QUEUED), _FILES, None, asking=True),
    "send_in_advance": SentFiles(WAITING, replace(OPEN_CASE, channel=Channel.VIDEO), _FILES, None, asking=True),
}

LOGOUTS = {
    "nowhere": LogoutSteps(None, None),
    "back": LogoutSteps(SERVICE, "https://fishing.example/"),
    "provider": LogoutSteps(SERVICE, "https://fishing.example/", provider=BANK, url="https://alder.example/out"),
    "must": LogoutSteps(SERVICE, None, provider=BANK, url="https://alder.example/out", must_call=True),
    "stays": LogoutSteps(
        SERVICE, None, provider=BANK, url="https://alder.example/out", must_call=True, may_not_return=True
    ),
    "returned": LogoutSteps(SERVICE, "https://fishing.example/", provider=BANK, returned=True),
    "changed": LogoutSteps(None, None, provider=BANK, changed=True),
    "frames": LogoutSteps(SERVICE, "https://fishing.example/", ("https://tax.example/bye",)),
}

WATCHES = {
    "alder": SessionWatch(BANK),
    "birch": SessionWatch(BANK, signed_in=True),
    "cedar": SessionWatch(
        BANK, signed_in=True, session_state="s.t", frame=SessionFrame("https://alder.example/frame", "portico")
    ),
}


@dataclass(frozen=True, slots=True)
class GivenFiles:
    """What a citizen sent, by the name of the state in the handle."""

    context: Any

    async def sent(self, handle: str, _browser: object) -> SentFiles | None:
        """The state."""
        return SENT_FILES.get(_name(handle))

    async def finish(self, sent: SentFiles) -> object:
        """What is missing."""
        return sent.missing


@dataclass(frozen=True, slots=True)
class _Settings:
    settings: FileSettings


GIVEN_FILES = cast(CitizenFiles, GivenFiles(_Settings(FileSettings())))


@dataclass(frozen=True, slots=True)
class GivenProfiles:
    """The citizens' cases, of which the pages of a declined one read the profiles."""

    citizen: Any

    def __getattr__(self, name: str) -> Any:
        return _Context() if name == "context" else getattr(self.citizen, name)


class _Context:
    """The context of the cases: its profiles alone."""

    rules = property(lambda self: self)
    profiles = default_profiles()


def _name(handle: str) -> str:
    return handle.removeprefix(f"{HANDLE}-")


def replace_page_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the actions of these pages: each returns the example that the handle, or the cookie, is named after."""

    def given(found: object) -> Any:
        async def answer(*_: object) -> object:
            return found

        return answer

    async def declined(_cases: object, handle: str, _browser: object) -> DeclinedView | None:
        return DECLINED_VIEWS.get(_name(handle))

    async def kept_view(_context: object, browser: Any) -> KeptView | None:
        return KEPT_VIEWS.get(browser.session or "")

    async def watch(_context: object, provider: str, _browser: object) -> SessionWatch | None:
        return WATCHES.get(provider)

    async def steps(_context: object, handle: str, _browser: object) -> LogoutSteps | None:
        return LOGOUTS.get(handle.removeprefix("signed-out-as-"))

    async def open_cases(_cases: object, browser: Any) -> tuple[OpenCase, ...]:
        return (OpenCase(OPEN_CASE, SERVICE), OpenCase(OPEN_CASE, None)) if browser.asked else ()

    async def case_for(_cases: object, _transaction: object, _browser: object) -> Case:
        return OPEN_CASE

    for module, action, replacement in (
        (find_again, "open_cases", open_cases),
        (find_again, "case_for", case_for),
        (appointments, "own_case", given(OPEN_CASE)),
        (appointments, "offered", given(PLACES)),
        (case_passkeys, "begin_for_case", given(CaseRegistration(WAITING, SERVICE, "c", OPTIONS, DAYS, 90))),
        (sign_in, "prompt", given(PasskeyPrompt(HANDLE, WAITING, SERVICE, OPTIONS))),
        (kept, "view", kept_view),
        (kept, "begin_registration", given(NewRegistration("c", OPTIONS, None, KEPT))),
        (redress_pages, "view_declined", declined),
        (redress_pages, "complain", given(TransitionRefused.REASON_NEEDED)),
        (provider_logout_page, "view_return", steps),
        (session_watch, "watch_session", watch),
        (initiated_login, "read_initiation", lambda _context, _provider, query: _initiated(query)),
    ):
        monkeypatch.setattr(module, action, replacement)


def _initiated(query: Mapping[str, str]) -> InitiatedLogin | None:
    return InitiatedLogin(BANK) if "iss" in query else None


def further_routes(app: citizens.CitizenApp) -> list[Route]:
    """Routes that the wiring adds to those of a transaction, over contexts that no replaced action reads."""
    logout = cast(LogoutContext, None)
    return [
        *citizens.kept_routes(app, cast(KeptContext, None)),
        *goodbye_routes(app, logout),
        *session_watch_routes(app, logout),
    ]
