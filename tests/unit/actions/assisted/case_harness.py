"""A broker without pages: real SQLite, memory, a fake clock; a citizen with a browser, and four members of staff."""

import hashlib
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from broker.actions.account.ways import account_policy
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.context import CaseContext, CaseRules, CaseStores
from broker.actions.assisted.notice_settings import PromptSettings
from broker.actions.assisted.staff import StaffCases
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import CaseView, CheckAnswer, EvidenceEntry, LookUpEntry
from broker.actions.attempt_log import AttemptLog
from broker.actions.browser import Browser
from broker.actions.freezing.freeze import FreezeContext
from broker.actions.ports import BrokerCrypto
from broker.actions.results import ContinuationIssued, HelpRequest, ProofResult, ResumedTransaction
from broker.actions.sign_in.context import (
    ConfiguredProvider,
    SignInContext,
    SignInLimits,
    SignInMonitoring,
    SignInPolicy,
    SignInStores,
)
from broker.actions.views import CaseStatusView
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, CheckOutcome, ContactMethod, Decision
from broker.assisted.case_status import CaseStatus
from broker.assisted.deadlines import CasePolicy
from broker.assisted.profiles import default_profiles
from broker.crypto.jose import Certificate, KeySet, SigningKey
from broker.crypto.seal import sealer
from broker.journey.provider_offer import OfferPolicy
from broker.journey.transaction import Transaction
from broker.journey.transitions import TransactionIdentifiers, begin
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.handle import new_user_code, sha256_hex
from broker.model.lifetimes import SessionTimeouts
from broker.model.notification import Notification, NotificationKind
from broker.model.provider_policy import DisplayOrder
from broker.model.rate_limit import RateWindow
from broker.model.request import AuthorizationRequest
from broker.model.service import ClaimPurpose, Service
from broker.model.staff import StaffMember, StaffRole, StaffSession
from broker.platform.system import System
from broker.provider import ProviderHealth
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.support.services import make_service
from tests.support.system import FakeClock
from tests.support.tallies import Tallies
from tests.support.watching import LATEST
from tests.unit.actions.citizen_driver import CitizenDriver

SERVICE = make_service(
    client_id="library",
    names={"en": "Library"},
    redirect_uris=("https://library.example/back",),
    sector="library.example",
    home="https://library.example/",
    claims=tuple(ClaimPurpose(claim, {"en": "why"}) for claim in ("name", "birthdate")),
    level=Level.SUBSTANTIAL,
    initiate_login_uri="https://library.example/start",
)
ISSUER = "https://broker.example"
ME = Browser(secrets=("my-secret",), address="192.0.2.1")
STRANGER = Browser(secrets=("other-secret",), address="192.0.2.2")
WANTED = HelpRequest("email", "ada@example.org", "in_person")
DETAILS = {"given_name": "Ada", "family_name": "Example", "birthdate": "1990-01-02"}
PASSPORT = {"number": "X123", "country": "GBR", "expires": "2030-01-01"}


def member(staff_id: str, *roles: StaffRole, **more: Any) -> StaffMember:
    """A member of staff."""
    return StaffMember(staff_id, f"sub-{staff_id}", f"{staff_id.title()} Smith", frozenset(roles), **more)


ANN = member("ann", StaffRole.AGENT, StaffRole.REVIEWER, skills=("chip", "light"))
BEN = member("ben", StaffRole.AGENT, StaffRole.REVIEWER)
LEA = member("lea", StaffRole.LEAD)
PAT = member("pat", StaffRole.ADMIN)
UMA = member("uma", StaffRole.AUDITOR)
TIM = member("tim", StaffRole.AGENT, in_training=True)


def yes(*checks: str) -> tuple[CheckAnswer, ...]:
    """Each of these checks was passed, those of a look-up by one."""
    looked_up = {check: kind for kind, lookup in default_profiles().lookups.items() for check in lookup.checks}
    return tuple(
        CheckAnswer(
            check,
            CheckOutcome.YES,
            lookup=LookUpEntry(looked_up[check], "The register", "R-1") if check in looked_up else None,
        )
        for check in checks
    )


GOOD = yes("seen", "valid", "features", "details_match", "face")
SAFE = yes("not_reported", "not_deceased", "active_months")


@dataclass(frozen=True, slots=True)
class FakeRegistry:
    """One service and no provider: every citizen needs help."""

    services: Mapping[str, Service] = field(default_factory=lambda: {SERVICE.client_id: SERVICE})
    providers: Mapping[str, ConfiguredProvider] = field(default_factory=dict)

    def removed(self, _provider: str, _since: float) -> bool:
        """Nothing was."""
        return False

    def offerable(self, _service: Service) -> Sequence[ConfiguredProvider]:
        """There are none."""
        return ()

    async def keys(self, _client_id: str, _proof: str | Certificate) -> KeySet:
        """It has none."""
        return KeySet()


class NoKeys:
    """Nothing is signed here."""

    def signing(self, alg: str) -> SigningKey:
        """There is no key."""
        raise LookupError(alg)


class Lot:
    """Chance for one draw at a time: what decides over a sample is handed in, the rest never repeats."""

    def __init__(self) -> None:
        self.sample = 1.0
        self._drawn = 0

    def draw(self, count: int) -> bytes:
        """Bytes; eight of them are a draw for the sample."""
        if count == 8:
            return min(int(self.sample * 2**64), 2**64 - 1).to_bytes(8)
        self._drawn += 1
        return hashlib.shake_256(self._drawn.to_bytes(8)).digest(count)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything together."""

    clock: FakeClock
    lot: Lot
    facts: SqlStores
    passing: EphemeralStores
    context: CaseContext
    citizen_cases: CitizenCases
    citizen: CitizenDriver
    console: StaffCases

    @property
    def freezing(self) -> FreezeContext:
        """What stopping an identity and taking it back works with."""
        return FreezeContext(self.context, self.facts.freezes, {SERVICE.client_id: SERVICE})

    def present(self, member: StaffMember, age: float = 0) -> StaffPrincipal:
        """A member of staff who signed in so many seconds ago."""
        at = self.clock.now() - age
        session = StaffSession("d", member.id, member.subject, "high", ("hwk",), int(at), at, at, at + 3600)
        return StaffPrincipal(member, session, at + 300)

    async def arrives(
        self, level: Level = Level.SUBSTANTIAL, browser: Browser = ME, language: str = "en", resume: str | None = None
    ) -> str:
        """A citizen comes from the service; gives the handle of the transaction."""
        handle = f"handle-{sha256_hex(str(self.lot.draw(4)))[:16]}"
        request = AuthorizationRequest(
            "library",
            SERVICE.redirect_uris[0],
            ("openid",),
            level,
            state="state-1",
            requested_claims=("name", "birthdate"),
            resume_value=resume,
        )
        transaction = begin(
            TransactionIdentifiers(f"transaction-{handle}", new_user_code(self.context.system, 8)),
            browser=sha256_hex(browser.secrets[0]),
            request=request,
            language=language,
            seed=1,
            now=self.clock.now(),
        )
        assert await self.passing.transactions.create(handle, transaction, 20)
        return handle

    async def asks(self, handle: str, wanted: HelpRequest = WANTED, browser: Browser = ME) -> str:
        """The citizen requests help; returns the continuation code."""
        made = await self.citizen.ask_help(handle, browser, wanted)
        assert isinstance(made, ContinuationIssued)
        return made.code

    async def transaction(self, handle: str) -> Transaction:
        """The transaction as it is stored."""
        found = await self.passing.transactions.load(handle)
        assert found is not None
        return found

    async def prolongs(self, handle: str) -> None:
        """The transaction lives a week longer."""
        transaction = await self.transaction(handle)
        longer = replace(transaction, expires=self.clock.now() + 7 * 86400, version=transaction.version + 1)
        assert await self.passing.transactions.save(handle, longer)

    async def case(self, handle: str) -> Case:
        """The transaction's case as it is stored."""
        transaction = await self.transaction(handle)
        assert transaction.case is not None
        found = await self.facts.cases.load(transaction.case)
        assert found is not None
        return found

    async def resumes(self, code: str, browser: Browser | None = None) -> ResumedTransaction:
        """The citizen types in a continuation code."""
        resumed = await self.citizen.resume(code, browser)
        assert isinstance(resumed, ResumedTransaction), resumed
        return resumed

    async def status(self, handle: str, browser: Browser = ME) -> CaseStatus:
        """What the page of the case shows in a browser."""
        view, _ = await self.citizen.look(handle, browser)
        assert isinstance(view, CaseStatusView), view
        return view.status

    async def meets(self, by: StaffMember) -> CaseView:
        """An agent meets the citizen of the next case and exchanges the words; nothing else is recorded."""
        who, c = self.present(by), self.console
        f = had(await c.next_case(who))
        f = had(await c.start_session(who, f.ref, Channel.IN_PERSON))
        return had(await c.verify_phrase(who, f.ref))

    async def finishes(self, by: StaffMember, met: CaseView) -> CaseView:
        """The agent looks at the passport once more; the decision is next."""
        who, c = self.present(by), self.console
        entry = EvidenceEntry("passport", PASSPORT, GOOD, met.case.evidence[0].id)
        f = had(await c.record_evidence(who, met.ref, entry))
        return had(await c.end_session(who, f.ref))

    async def session(self, by: StaffMember, answers: tuple[CheckAnswer, ...] = GOOD) -> CaseView:
        """An agent takes the next case, meets the citizen and records everything; the decision is next."""
        who, c = self.present(by), self.console
        f = had(await c.next_case(who))
        f = had(await c.start_session(who, f.ref, Channel.IN_PERSON))
        f = had(await c.verify_phrase(who, f.ref))
        f = had(await c.record_evidence(who, f.ref, EvidenceEntry("passport", PASSPORT, answers)))
        f = had(await c.record_checks(who, f.ref, SAFE))
        f = had(await c.record_details(who, f.ref, DETAILS))
        return had(await c.end_session(who, f.ref))

    async def approves(self, by: StaffMember = ANN) -> CaseView:
        """An agent goes through with it and approves."""
        f = await self.session(by)
        return had(await self.console.decide(self.present(by), f.ref, Decision.APPROVE, ()))

    async def code(self, handle: str, browser: Browser = ME) -> str:
        """The citizen has a code sent and reads it."""
        await self.citizen.send_code(handle, browser)
        return next(n.fields["code"] for n in reversed(await self.sent()) if "code" in n.fields)

    async def sent(self) -> list[Notification]:
        """Notices that wait in the outbox, taken out for good, except that a request has arrived."""
        now = self.clock.now()
        by_way = [await self.facts.notices.lane(way).claim(now, now, 100) for way in ContactMethod]
        return sorted(
            (notice for notices in by_way for notice in notices if notice.kind is not NotificationKind.ASKED),
            key=lambda notice: notice.created,
        )

    async def binds(self, handle: str, browser: Browser = ME) -> None:
        """The citizen takes the identity up in the proper way."""
        words = (await self.case(handle)).phrase
        code = await self.code(handle, browser)
        assert await self.citizen.bind(handle, browser, code, f"{words.first} {words.second}") is ProofResult.DONE

    async def audit(self, kind: str = "") -> list[AuditEvent]:
        """Audit rows, of one kind if it is named."""
        return [event for _, event in await self.facts.audit.read(0, 1000) if not kind or event.kind == kind]


def had(outcome: object) -> CaseView:
    """A folder, and no refusal."""
    assert isinstance(outcome, CaseView), outcome
    return outcome


@asynccontextmanager
async def staged(template: Path, folder: Path, clock: FakeClock) -> AsyncIterator[Stage]:
    """Opens all of it on a copy of a migrated database."""
    lot = Lot()
    system = System(now=clock.now, random_bytes=lot.draw, monotonic=clock.tick)
    ring = sealer(b"\x07" * 32, (), system.random_bytes)
    facts = await open_sql_stores(f"sqlite:{shutil.copy(template, folder)}", ring, system)
    passing = open_ephemeral_stores("memory:", ring, system, facts.kill_switches)
    by_address = RateWindow(10, 3600), RateWindow(100, 3600), RateWindow(10, 3600)
    limits = SignInLimits(60, 20, SessionTimeouts(), *by_address, LATEST)
    sign_in_context = SignInContext(
        policy=SignInPolicy(
            ISSUER,
            ("en",),
            OfferPolicy(DisplayOrder.ALPHABETICAL),
            limits,
            account_policy(ISSUER, {"en": "Portico"}, 600),
        ),
        stores=SignInStores(
            transactions=passing.transactions,
            pushed=passing.pushed,
            continuations=passing.continuations,
            rate_limits=passing.rate_limits,
            authorizations=facts.authorizations,
            links=facts.identity_links,
            sessions=facts.sessions,
            backchannel_requests=facts.questions,
            audit=facts.audit,
            failures=facts.sign_in_failures,
            kill_switches=facts.kill_switches,
            departures=passing.departures,
        ),
        registry=FakeRegistry(),
        crypto=BrokerCrypto(NoKeys(), ring),
        system=system,
        monitoring=SignInMonitoring(
            lambda _: ProviderHealth(working=True), AttemptLog(Tallies()), lambda: False, lambda _: None, Tallies()
        ),
    )
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
        rules=CaseRules(f"{ISSUER}/assisted", CasePolicy(correction=0), default_profiles()),
        prompts=PromptSettings(f"{ISSUER}/confirm", {"en": "Portico"}, frozenset({"email"})),
        fingerprint=lambda text: ring.mac("case mark", text.encode()).hex(),
        system=system,
    )
    citizen_cases = CitizenCases(sign_in_context, context)
    yield Stage(
        clock,
        lot,
        facts,
        passing,
        context,
        citizen_cases,
        CitizenDriver(sign_in_context, citizen_cases),
        StaffCases(context),
    )
    await passing.close()
    await facts.close()


def with_ways(stage: Stage, *ways: str) -> CitizenCases:
    """The citizens' side with notifications over some contact methods only."""
    return replace(stage.citizen_cases, contact_methods=frozenset(ways))
