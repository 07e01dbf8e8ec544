"""A broker without a network, whose every page can be reached and read, with the facts that its sentences claim."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any, cast

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser
from broker.actions.results import ContinuationIssued, HelpRequest
from broker.actions.sign_in import authorize
from broker.actions.sign_in.consent import live_session
from broker.actions.sign_in.context import ConfiguredProvider
from broker.actions.sign_in.provider_login import upstream_state
from broker.actions.views import Ending, EndingView, View
from broker.journey.transaction import Transaction, TransactionState
from broker.model.assurance import Level
from broker.model.handle import sha256_hex
from broker.model.identity import Identity
from broker.model.kill_switches import KillSwitchKind
from broker.model.provider_policy import ProviderPolicy
from broker.model.request import AuthorizationRequest, ClientRedirect
from broker.model.service import Service
from broker.oidc import par
from broker.oidc.authorization_checks import ServerContext
from broker.provider import (
    CallbackParameters,
    FailureCause,
    ProviderFailure,
    ProviderFailureReason,
    ProviderInfo,
    UpstreamRedirect,
    UpstreamRequest,
)
from broker.web.citizens.page_context import PageContext
from broker.web.citizens.view_pages import render_view
from broker.web.shared.pages import PageRenderer
from tests.unit.actions.assisted.case_harness import ME, SERVICE, Stage
from tests.unit.actions.citizen_driver import CitizenDriver
from tests.unit.web.citizen_pages import ISSUER, marks

ALDER, BIRCH = "alder", "birch"
NAMES = {ALDER: "Alder Bank", BIRCH: "Birch Post"}
PERSON = HelpRequest("email", "ada@example.org", "in_person")


@dataclass
class Upstream:
    """A provider that returns the result set by the test."""

    card: ProviderInfo
    now: Any
    says: ProviderFailureReason | Level = Level.HIGH
    subject: str = "ada"

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect:
        """Always prepared."""
        return UpstreamRedirect(f"https://{self.card.id}.example/?state={ask.state}", {"state": ask.state})

    def matches_callback(self, _note: Mapping[str, Any], _answer: CallbackParameters) -> bool:
        """Every answer is its own."""
        return True

    async def complete(self, _note: Mapping[str, Any], _answer: CallbackParameters) -> Identity | ProviderFailure:
        """Returns the result set by the test."""
        if isinstance(self.says, ProviderFailureReason):
            return ProviderFailure(self.says, "as the test wants", FailureCause.BROWSER)
        claims = {"name": "Ada Example", "birthdate": "1990-01-02"}
        now = int(self.now())
        return Identity(self.card.id, f"https://{self.card.id}.example", self.subject, self.says, ("pwd",), now, claims)


@dataclass
class Shelf:
    """A registry that a test changes as an operator does."""

    services: dict[str, Service]
    providers: dict[str, ConfiguredProvider] = field(default_factory=dict)

    def removed(self, _provider: str, _since: float) -> bool:
        """No provider is removed by a reload."""
        return False

    def offerable(self, service: Service) -> list[ConfiguredProvider]:
        """The providers that are listed for a service."""
        return [provider for provider in self.providers.values() if provider.policy.is_for(service.client_id)]


@dataclass(frozen=True, slots=True)
class RecordedState:
    """State of one transaction, read from the stores and the audit, independently of the page."""

    transaction: Transaction | None
    now: float
    audit: tuple[tuple[str, str], ...]
    """Kind and `failure`, of this transaction and of all others of the same pushed request."""
    own: tuple[tuple[str, str], ...]
    """The same of this transaction alone."""
    off: frozenset[tuple[KillSwitchKind, str]]
    removed: bool
    """Whether provider, or the service's redirect URI, was taken out by the operator."""
    offered: frozenset[str]
    """The forms and links of the page."""
    said: ProviderFailureReason | Level | None
    """What the last provider that was asked said."""
    cases: tuple[str, ...]
    """The audit rows of the transaction's cases."""
    session: bool
    """Whether the browser has a session at the broker."""

    @property
    def answered(self) -> bool:
        """Whether the service was answered in this request."""
        return any(kind == "service_answered" for kind, _ in self.audit)

    def happened(self, kind: str) -> bool:
        """Whether this transaction has such an audit row."""
        return any(one == kind for one, _ in self.own)

    def failed(self, *failures: str) -> bool:
        """Whether the last failure of this transaction has one of these classes, as the audit trail has it."""
        named = [failure for _, failure in self.own if failure]
        return bool(named) and named[-1] in failures


@dataclass
class World:
    """A stage with two providers, and the citizen's page."""

    stage: Stage
    pages: PageRenderer
    shelf: Shelf
    sign_in: CitizenDriver
    upstream: dict[str, Upstream]
    browser: Browser = ME
    ids: dict[str, str] = field(default_factory=dict)
    removed: bool = False
    last: str = ""
    said: ProviderFailureReason | Level | None = None

    @property
    def clock(self) -> Any:
        """The clock of all of it."""
        return self.stage.clock

    async def push(self, **more: Any) -> str:
        """The service pushes a request; gives its `request_uri`."""
        self.last = f"pushed-{len(self.last)}-{sha256_hex(str(self.stage.lot.draw(4)))[:8]}"
        asked = AuthorizationRequest(
            client_id="library",
            redirect_uri=SERVICE.redirect_uris[0],
            scope=("openid",),
            state="s",
            **({"min_level": Level.LOW, "requested_claims": ("name", "birthdate")} | more),
        )
        await self.stage.passing.pushed.put(self.last, asked, self.clock.now() + 300)
        return par.request_uri(self.last)

    async def visit(self, request_uri: str, browser: Browser | None = None) -> Any:
        """The browser brings a pushed request."""
        parameters = {"client_id": "library", "request_uri": request_uri}
        door = cast(ServerContext, None)  # a pushed request was checked when it was pushed
        return await authorize.authorize(self.sign_in.sign_in_context, door, parameters, browser or self.browser, "en")

    async def arrives(self, request_uri: str = "", **more: Any) -> str:
        """A citizen begins; gives the handle."""
        begun = await self.visit(request_uri or await self.push(**more))
        assert isinstance(begun, authorize.StartedTransaction), begun
        self.ids[begun.handle] = (await self.transaction(begun.handle)).id
        return begun.handle

    async def leaves(self, handle: str, provider: str = ALDER) -> None:
        """The citizen sets out for a provider."""
        assert await self.sign_in.choose(handle, self.browser, provider) is None
        assert (await self.transaction(handle)).state is TransactionState.AWAY

    async def returns(
        self, handle: str, says: ProviderFailureReason | Level = Level.HIGH, provider: str = ALDER
    ) -> None:
        """The citizen comes back from there."""
        self.upstream[provider].says = self.said = says
        attempt = (await self.transaction(handle)).attempt
        assert attempt is not None
        await self.sign_in.complete(provider, {"state": upstream_state(handle, attempt.id)}, self.browser)

    async def tries(self, handle: str, says: ProviderFailureReason | Level = Level.HIGH, provider: str = ALDER) -> None:
        """There and back."""
        await self.leaves(handle, provider)
        await self.returns(handle, says, provider)

    async def proves(self, says: ProviderFailureReason | Level = Level.HIGH, provider: str = ALDER, **more: Any) -> str:
        """A citizen begins and comes back from a provider; gives the handle."""
        handle = await self.arrives(**more)
        await self.tries(handle, says, provider)
        return handle

    async def sets_out(self) -> str:
        """A citizen begins and sets out for a provider; gives the handle."""
        handle = await self.arrives()
        await self.leaves(handle)
        return handle

    async def waits_for_help(self) -> str:
        """A citizen begins and requests help from a person; gives the handle."""
        handle = await self.arrives()
        await self.asks(handle)
        return handle

    async def agrees(self, handle: str) -> None:
        """The citizen shares."""
        await self.sign_in.share(handle, self.browser, agree=True)

    async def asks(self, handle: str) -> str:
        """The citizen requests help from a person."""
        made = await self.sign_in.ask_help(handle, self.browser, PERSON)
        assert isinstance(made, ContinuationIssued), made
        return made.code

    async def off(self, kind: KillSwitchKind, target: str) -> None:
        """The operator turns something off."""
        await self.stage.facts.kill_switches.turn_off(kind, target, "a test", "operator", self.clock.now())

    async def account(self) -> str:
        """The account of the person who signed in with Alder."""
        known = await self.stage.facts.authorizations.linked_identity(
            "https://alder.example", "ada", "library.example", "library"
        )
        assert known is not None
        return known.account

    def listing(self, provider: str, **changes: Any) -> None:
        """The operator changes how a provider is offered."""
        before = self.shelf.providers[provider]
        self.shelf.providers[provider] = replace(before, policy=ProviderPolicy(**changes))

    async def transaction(self, handle: str) -> Transaction:
        """The transaction as it is stored."""
        found = await self.stage.passing.transactions.load(handle)
        assert found is not None
        return found

    async def restores(self, handle: str, before: Transaction) -> None:
        """The transaction is as it was: what came after was never saved."""
        version = (await self.transaction(handle)).version
        assert await self.stage.passing.transactions.save(handle, replace(before, version=version + 1))

    async def reads(self, handle: str, siblings: tuple[str, ...] = ()) -> tuple[View, str, RecordedState]:
        """Loads the page twice, as a reload does; returns the view, the text of the page, and the recorded state."""
        await self.sign_in.look(handle, self.browser)
        view, _ = await self.sign_in.look(handle, self.browser)
        return await self._read(view, handle, siblings)

    async def reopened(self, handle: str, siblings: tuple[str, ...]) -> tuple[View, str, RecordedState]:
        """The page at /authorize for a pushed request that was answered already."""
        view = EndingView(self.shelf.services["library"], Ending.ALREADY, ClientRedirect(SERVICE.presentation.home))
        return await self._read(view, handle, siblings)

    async def _read(self, view: View, handle: str, siblings: tuple[str, ...]) -> tuple[View, str, RecordedState]:
        frame = PageContext(
            f"/journey/{handle}", handle, self.browser, self.pages.languages["en"], self.clock.now(), marks(), ISSUER
        )
        shown = render_view(view, frame, {})
        html = self.pages.page(shown.template, "en", shown.variables)
        main = html[html.index("<main") : html.index("</main>")]
        said = unescape(re.sub(r"\s+([.,?!’])", r"\1", re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", main))))
        transaction = await self.stage.passing.transactions.load(handle)
        ids, own = {self.ids[one] for one in siblings}, self.ids[handle]
        rows = await self.stage.audit()
        switches = await self.stage.facts.kill_switches.current()
        facts = RecordedState(
            transaction,
            self.clock.now(),
            tuple((e.kind, e.details.get("failure", "")) for e in rows if e.transaction in {own, *ids}),
            tuple((e.kind, e.details.get("failure", "")) for e in rows if e.transaction == own),
            frozenset(switches.off),
            self.removed,
            frozenset(re.findall(r'(?:action|href)="([^"]*)"', main)),
            self.said,
            tuple(e.kind for e in rows if e.kind.startswith("case_")),
            await live_session(self.sign_in.sign_in_context, self.browser) is not None,
        )
        return view, said, facts


def world(stage: Stage, pages: PageRenderer) -> World:
    """The world of a stage."""
    upstream = {
        provider_id: Upstream(ProviderInfo(provider_id, {"en": name}, {"en": "A card"}, 2, Level.HIGH), stage.clock.now)
        for provider_id, name in NAMES.items()
    }
    service = replace(SERVICE, level=Level.LOW)
    shelf = Shelf({"library": service})
    for provider_id, provider in upstream.items():
        shelf.providers[provider_id] = ConfiguredProvider(
            cast(Any, provider), ProviderPolicy(), f"{ISSUER}/callback/{provider_id}"
        )
    sign_in_context = replace(stage.citizen_cases.sign_in_context, registry=cast(Any, shelf))
    sign_in = CitizenDriver(sign_in_context, CitizenCases(sign_in_context, stage.context))
    return World(stage, pages, shelf, sign_in, upstream)


Seen = tuple[View, str, RecordedState]
"""What a scenario reaches: the view, the text of its page, and the facts."""

Way = Callable[[World], Awaitable[Seen]]


async def answered(w: World, request_uri: str = "") -> str:
    """The citizen proves who they are and shares. Returns the transaction's handle."""
    handle = await w.arrives(request_uri)
    await w.tries(handle)
    await w.agrees(handle)
    assert (await w.transaction(handle)).state is TransactionState.ANSWERED
    return handle
