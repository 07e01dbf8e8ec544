"""Test application of the staff console over the real actions and database, with the simulator as staff provider."""

import itertools
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from broker.actions.assisted.context import CaseContext, CaseRules, CaseStores
from broker.actions.assisted.letters import Letters
from broker.actions.assisted.notice_settings import NoticeSettings, PromptSettings
from broker.actions.assisted.reports import Reports
from broker.actions.assisted.staff import StaffCases
from broker.actions.assisted.staff_login import LoginRecords, StaffDirectory, StaffLogin
from broker.actions.attempt_log import AttemptLog
from broker.actions.connectors.ports import Connector
from broker.actions.files.context import FileContext
from broker.actions.freezing.freeze import FreezeContext
from broker.actions.open_data.feedback import FeedbackDesk
from broker.actions.people.directory import StaffPeople
from broker.actions.people.exports import AuditExports
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod, Safety
from broker.assisted.deadlines import CasePolicy
from broker.assisted.profiles import default_profiles
from broker.crypto.jose import load_signing_key, new_signing_key_pem, sign_detached
from broker.crypto.seal import sealer
from broker.model.assurance import Level
from broker.model.handle import sha256_hex
from broker.model.notification import Notification
from broker.model.staff import LoginPolicy, StaffMember, StaffRole, StaffSession, StaffSessionTimeouts
from broker.platform.http_client import HttpClients
from broker.platform.notifications.texts import notice_text
from broker.platform.system import System
from broker.provider import ProviderInfo
from broker.stores.sql.migrate import migrate
from broker.stores.sql_stores import SqlStores, open_sql_stores
from broker.web import public, staff
from broker.web.middleware import guarded
from broker.web.shared.fast_router import fast_router
from broker.web.shared.i18n import languages
from broker.web.shared.not_found import NotFoundHandler, typeable_paths
from broker.web.shared.pages import PageRenderer, page_renderer
from broker.web.shared.site_info import SiteInfo
from broker.web.shared.static_files import Statics, static_routes, statics
from broker.wiring.app_pages import STAFF_LANGUAGES
from broker.wiring.audit_export import EXPORT_TYP
from providers import ProviderDependencies
from providers.openid import OpenIdConfig, build
from providers.simulator import SimulatedClient, SimulatorSettings, create, simulated_issuers
from tests.support.services import make_service
from tests.support.serving import listening, serving
from tests.support.tallies import Tallies
from tests.unit.assisted.cases import draft, walked

PEM = new_signing_key_pem("ES256")
AUDIT_KEY = load_signing_key(new_signing_key_pem("EdDSA"), "EdDSA")
KEY_FILE = Path("staff.pem")
R = StaffRole
CARYS = StaffMember("carys", "staff-carys", "Carys Bevan", frozenset({R.AGENT}))
TOM = StaffMember("tom", "staff-tom", "Tom Okafor", frozenset({R.AGENT}), in_training=True)
MEI = StaffMember("mei", "staff-mei", "Mei Lindqvist", frozenset({R.AGENT, R.REVIEWER}), skills=("chip", "light"))
RHYS = StaffMember("rhys", "staff-rhys", "Rhys Adeyemi", frozenset({R.LEAD, R.AUDITOR}))
ADA = StaffMember("ada", "staff-ada", "Ada Quill", frozenset({R.ADMIN}))
PEOPLE = {one.id: one for one in (CARYS, TOM, MEI, RHYS, ADA)}
SERVICE = make_service(
    client_id="library",
    names={"en": "Riverside Library"},
    redirect_uris=("https://library.test/back",),
    home="https://library.test/",
)
IDLE, ABSOLUTE, FRESH = 900, 8 * 3600, 300
TERMS = CasePolicy(random_review=0.0, random_review_declines=0.0, correction=0)
CARD = ProviderInfo("staff", {"en": "Staff sign-in"}, {"en": "Your security key"}, 1, Level.SUBSTANTIAL)


def written_notice(notice: Notification) -> tuple[str, str]:
    """A notice as it is sent."""
    said = notice_text(notice)
    return ("", said.message) if notice.way == "phone" else (said.subject, said.text)


@dataclass(slots=True)
class Stage:
    """The console as an application at `origin`, with its system and database."""

    origin: str
    app: ASGIApp
    facts: SqlStores
    context: CaseContext
    system: System
    counter: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def case(self, *events: ev.Event, channel: Channel = Channel.VIDEO, **changes: object) -> Case:
        """Stores a case in the queue, or in the state after these events."""
        number, now = next(self.counter), self.system.now()
        begun = replace(
            draft(),
            **{
                "id": f"case-{number}",
                "transaction": f"transaction-{number}",
                "reference": f"BCDF{number:04}",
                "continuation": f"digest-{number}",
                "created": now,
                "changed": now,
                "deadline": now + TERMS.draft,
                "expires": now + TERMS.max_duration,
                **changes,
            },
        )
        waiting = (
            ev.Submitted(
                Contact(ContactMethod.PHONE, "+441632960001"), channel, Safety(someone_with_me=number % 2 == 0)
            ),
            ev.ReadyForSession(everything_sent=True),
        )
        case = replace(walked(*waiting, *events, case=begun, now=now), version=1)
        await self.facts.cases.create(case, ())
        return case

    async def session(self, member: StaffMember, auth_time: float | None = None) -> str:
        """Starts a session of a member of staff; returns its cookie."""
        now = self.system.now()
        cookie = f"console_{self.system.random_bytes(12).hex()}"
        began = int(now if auth_time is None else auth_time)
        proved = StaffSession(
            sha256_hex(cookie), member.id, member.subject, "substantial", ("mfa",), began, now, now, now + ABSOLUTE
        )
        await self.facts.staff_sessions.start(proved, None, ())
        return cookie

    async def sign_in(self, member: StaffMember, auth_time: float | None = None) -> "StaffClient":
        """Signs a member of staff in; returns a client without a browser."""
        return self.client(await self.session(member, auth_time))

    def client(self, cookie: str | None) -> "StaffClient":
        """A client with this session cookie; None for an unauthenticated one."""
        client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=self.origin)
        return StaffClient(client, {} if cookie is None else {"cookie": f"__Host-portico-staff={cookie}"})


@dataclass(frozen=True, slots=True)
class StaffClient:
    """An HTTP client of the console that requests pages and sends forms."""

    client: httpx.AsyncClient
    headers: Mapping[str, str]

    async def get(self, path: str) -> httpx.Response:
        """Requests a page."""
        return await self.client.get(path, headers=dict(self.headers))

    async def send(self, path: str, page: str, form: Mapping[str, str] = {}, **changes: str) -> httpx.Response:
        """Posts a form with the hidden fields of the forms on a page."""
        filled = {**hidden((await self.get(page)).text), **form, **changes}
        return await self.client.post(path, data=filled, headers=dict(self.headers))


def hidden(page: str) -> dict[str, str]:
    """The CSRF token and the edit version in a page's forms."""
    found = {}
    for name in ("token", "edition"):
        _, is_there, rest = page.partition(f'name="{name}" value="')
        if is_there:
            found[name] = rest.partition('"')[0]
    return found


@dataclass(frozen=True, slots=True)
class Ready:
    """What every stage shares: the compiled pages, static files, and a database with its schema."""

    pages: PageRenderer
    files: Statics
    database: Path


async def ready(folder: Path) -> Ready:
    """Builds it."""
    await migrate(f"sqlite:{folder / 'empty.db'}")
    files = statics("console")
    site = SiteInfo("http://localhost", zone="Europe/London", languages=STAFF_LANGUAGES)
    spoken = languages(site.languages, site.zone, console=True)
    return Ready(page_renderer(spoken, site, staff.SHEETS, files), files, folder / "empty.db")


@asynccontextmanager
async def staged(
    given: Ready,
    folder: Path,
    system: System,
    *,
    served: bool = False,
    people: Mapping[str, StaffMember] = PEOPLE,
    connectors: Mapping[str, Connector] = {},
    files: Callable[[CaseContext, SqlStores], FileContext] | None = None,
) -> AsyncIterator[Stage]:
    """The console over a new SQLite file, as a context manager. `people` are the members of staff,
    `connectors` the sources that they can have asked. `files` makes what evidence files are handled with; None:
    citizens can send none.

    If `served`, the console and the staff provider listen on loopback for a browser.
    """
    url = f"sqlite:{shutil.copy(given.database, folder / 'facts.db')}"
    seals = sealer(b"\x07" * 32, (), system.random_bytes)
    async with AsyncExitStack() as running:
        facts = await open_sql_stores(url, seals, system)
        running.push_async_callback(facts.close)
        outgoing = HttpClients(development=True)
        running.push_async_callback(outgoing.close)
        (here, port), (there, provider_port) = listening(), listening()
        origin, base = f"http://localhost:{port}", f"http://localhost:{provider_port}"
        callback = f"{origin}/callback"

        def fingerprint(text: str) -> str:
            return seals.mac("case mark", text.encode()).hex()

        context = CaseContext(
            stores=CaseStores(
                facts.cases,
                facts.case_lists,
                facts.saved_views,
                facts.staff_audit,
                facts.staff_presence,
                facts.questions,
                facts.audit,
                facts.staff_drafts,
                facts.sign_in_failures,
                facts.kept_identities,
                facts.former_identities,
                facts.bookings,
                facts.measures,
                facts.quality,
                facts.incidents,
            ),
            rules=CaseRules(f"{origin}/assisted", TERMS, default_profiles()),
            prompts=PromptSettings("https://id.test/confirm", {"en": "Portico"}, frozenset({"email", "phone"})),
            fingerprint=fingerprint,
            system=system,
            told=NoticeSettings(contact="0300 123 4567", written=written_notice),
        )
        directory = StaffDirectory(
            build(CARD, known_as(f"{base}/staff"), ProviderDependencies(outgoing, system, lambda _: PEM)),
            people,
            LoginPolicy(Level.SUBSTANTIAL, ("mfa",), StaffSessionTimeouts(IDLE, ABSOLUTE, FRESH)),
        )
        login = StaffLogin(
            directory=lambda: directory,
            callback=callback,
            records=LoginRecords(facts.staff_sessions, facts.audit, AttemptLog(Tallies())),
            system=system,
            people=StaffPeople(facts.people, lambda: dict(directory.members)),  # a test may add members
        )
        written = replace(given.pages, site=replace(given.pages.site, issuer=origin))
        services = {SERVICE.client_id: SERVICE}
        sent = None if files is None else files(context, facts)
        context = context if sent is None else sent.cases
        door = staff.StaffApp(
            login,
            StaffCases(context, connectors),
            services,
            written,
            seals,
            Reports(facts.measures, system),
            FreezeContext(context, facts.freezes, services),
            facts.notices,
            AuditExports(facts.audit_exports, facts.audit, system, signed, keys),
            FeedbackDesk(facts.feedback, system),
            sent,
            Letters(context, facts.notices),
        )
        shown = staff.staff_routes(door)
        routes = [*static_routes(given.files), *shown]
        inner = fast_router(
            routes, public.handlers(written, staff.console_language), NotFoundHandler(origin, typeable_paths(shown))
        )
        app = guarded(inner, system, refuse=public.header_error_handler(written, staff.console_language))
        if served:
            client = SimulatedClient(
                "portico-console", (callback,), jwks={"keys": [dict(load_signing_key(PEM, "ES256").jwk)]}
            )
            simulator = create(SimulatorSettings(base, simulated_issuers({"staff": client}), development=True), system)
            await running.enter_async_context(serving(simulator, there))
            await running.enter_async_context(serving(app, here))
        else:
            here.close()
            there.close()
        yield Stage(origin, app, facts, context, system)


def signed(content: bytes) -> str:
    """The detached signature of an export."""
    return sign_detached(content, AUDIT_KEY, EXPORT_TYP)


def keys() -> bytes:
    """The key that verifies exports, as it is published."""
    return json.dumps({"keys": [dict(AUDIT_KEY.jwk)]}).encode()


def known_as(issuer: str) -> OpenIdConfig:
    """The settings of the staff provider."""
    return OpenIdConfig(
        issuer=issuer,
        client_id="portico-console",
        levels={"staff:mfa": Level.SUBSTANTIAL},
        key_file=KEY_FILE,
        scopes=("openid", "profile"),
        acr_values={Level.SUBSTANTIAL: "staff:mfa"},
    )
