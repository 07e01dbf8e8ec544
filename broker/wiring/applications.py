"""The two applications, wired from the parts of a process."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.actions.account.ways import account_policy
from broker.actions.assisted.staff import StaffCases
from broker.actions.attempt_log import AttemptLog
from broker.actions.endpoints.context import (
    CertificatePolicy,
    CibaPolicy,
    EndpointContext,
    EndpointPolicy,
    EndpointRates,
    EndpointStores,
)
from broker.actions.logout import LogoutContext, LogoutStores
from broker.actions.ports import BrokerCrypto
from broker.actions.sign_in.context import SignInContext, SignInLimits, SignInMonitoring, SignInPolicy, SignInStores
from broker.actions.upstream_logout import UpstreamLogoutContext
from broker.crypto.jose import Authorities, read_authorities
from broker.journey.provider_offer import OfferPolicy
from broker.model.request import ResponseMode
from broker.model.store_results import StoreUnavailable
from broker.oidc.authorization_checks import ServerContext as Checks
from broker.oidc.ciba import CibaLifetimes
from broker.oidc.client_authentication import AssertionAudience
from broker.oidc.discovery import (
    Endpoints,
    ServerCapabilities,
    discovery,
    endpoints,
    metadata_bytes,
    mtls_endpoint_aliases,
)
from broker.oidc.dynamic_registration import registrable
from broker.platform.operator_files import content
from broker.settings import BrokerSettings, Settings
from broker.stores.ephemeral.memory import MemoryRateLimits
from broker.web import citizens, public
from broker.web.citizens.framed_logout import framed_logout_routes
from broker.web.citizens.provider_logout_page import goodbye_routes
from broker.web.citizens.session_watch import session_watch_routes
from broker.web.middleware import guarded
from broker.web.operations import ClockGuard, RequestMetricsMiddleware, alive_routes, metrics_route, templates
from broker.web.services import routes as service_routes
from broker.web.services.browser_endpoints import front_routes
from broker.web.services.check_session_iframe import session_route
from broker.web.services.client_endpoints import CROSS_ORIGIN, Published
from broker.web.services.cors import CrossOrigin
from broker.web.services.provider_endpoints import provider_routes
from broker.web.shared.fast_router import fast_router
from broker.web.shared.i18n import languages
from broker.web.shared.not_found import NotFoundHandler, paths, typeable_paths
from broker.web.shared.pages import PageRenderer, PageTemplate, page_renderer
from broker.web.shared.site_info import SiteInfo
from broker.web.shared.static_files import Statics, static_routes, statics
from broker.wiring.assisted_wiring import case_context, citizen_cases, help_ways, staff_login, verifiable
from broker.wiring.container import Container
from broker.wiring.notifier import notice_ways
from broker.wiring.store_access import read_password

Application = ASGIApp
"""What a server serves."""

STAFF_LANGUAGES = ("en",)
"""The languages of the console."""

OVERLOAD_THRESHOLD = 0.8
"""The share of its memory from which on passing state takes no new sign-ins: those under way are to end well."""

RESPONSE_MODES = tuple(ResponseMode)
"""How answers travel back to services."""


def sign_in_context(container: Container) -> SignInContext:
    """What signing in works with."""
    broker, meters = container.settings.broker, container.monitoring.metrics
    sql, ephemeral = container.connections.sql_stores, container.connections.ephemeral_stores
    return SignInContext(
        policy=SignInPolicy(
            issuer=broker.issuer,
            languages=broker.languages,
            offer=OfferPolicy(
                broker.picker.order, container.configuration.profiles.highest if _assisted(container) else None
            ),
            limits=SignInLimits(
                code_lifetime=broker.tokens.code,
                open_transactions=broker.limits.transactions_per_browser,
                sessions=broker.sessions,
                codes=broker.limits.failed_user_codes_per_ip,
                starts=broker.limits.authorization_requests_per_ip,
                help=broker.limits.help_requests_per_ip,
                waiting_refresh=broker.provider_watch.waiting_room_refresh,
            ),
            account=account_policy(broker.issuer, broker.name, broker.accounts.fresh_for),
        ),
        stores=SignInStores(
            transactions=ephemeral.transactions,
            pushed=ephemeral.pushed,
            continuations=ephemeral.continuations,
            rate_limits=ephemeral.rate_limits,
            authorizations=sql.authorizations,
            links=sql.identity_links,
            sessions=sql.sessions,
            backchannel_requests=sql.questions,
            audit=sql.audit,
            failures=sql.sign_in_failures,
            kill_switches=sql.kill_switches,
            departures=ephemeral.departures,
        ),
        registry=container.configuration.registry,
        crypto=BrokerCrypto(container.crypto.keys, container.crypto.sealer),
        system=container.system,
        monitoring=SignInMonitoring(
            health=container.monitoring.health_monitor.health_of,
            attempts=AttemptLog(meters),
            overloaded=lambda: ephemeral.memory_fullness() > OVERLOAD_THRESHOLD,
            count_start=meters.started,
            departures=meters,
        ),
    )


def endpoint_context(container: Container, checks: Checks) -> EndpointContext:
    """What the services' calls work with."""
    broker, sql, ephemeral = (
        container.settings.broker,
        container.connections.sql_stores,
        container.connections.ephemeral_stores,
    )
    urls, limits = endpoints(broker.issuer), broker.limits
    elsewhere = mtls_endpoint_aliases(broker.issuer, broker.client_certificates.origin)
    return EndpointContext(
        policy=EndpointPolicy(
            server=checks,
            audience=AssertionAudience(
                broker.issuer,
                (*urls.authenticated_endpoints, *(elsewhere[url] for url in urls.authenticated_endpoints if elsewhere)),
            ),
            lifetimes=broker.tokens,
            ciba=CibaPolicy(
                lifetimes=CibaLifetimes(broker.tokens.backchannel_request),
                confirm_url=f"{broker.issuer}/confirm",
                contact_methods=notice_ways(container.connections.notifier),
            ),
            certificates=CertificatePolicy(_authorities(broker.client_certificates.ca_file), elsewhere),
        ),
        stores=EndpointStores(
            grants=sql.grants,
            backchannel_requests=sql.questions,
            kill_switches=sql.kill_switches,
            pushed=ephemeral.pushed,
            proofs=ephemeral.proofs,
            rate_limits=ephemeral.rate_limits,
        ),
        registry=container.configuration.registry,
        crypto=BrokerCrypto(container.crypto.keys, container.crypto.sealer),
        system=container.system,
        rates=EndpointRates(
            requests=limits.requests_per_client,
            failures=limits.failed_authentications_per_ip,
            backchannel_requests=limits.backchannel_requests_per_citizen,
            local_limits=MemoryRateLimits(container.system),
        ),
    )


def _assisted(container: Container) -> bool:
    """Whether assisted verification is offered."""
    return bool(help_ways(container.settings, container.connections.notifier))


def _authorities(file: Path | None) -> Authorities:
    return () if file is None else read_authorities(content(file))


class LifespanApp:
    """An application that is opened when the server that runs it starts, and closed when it stops (ASGI lifespan)."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[ASGIApp]]) -> None:
        self._opening = opening
        self._application: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            if self._application is None:
                raise RuntimeError("a request came before the start")
            await self._application(scope, receive, send)
            return
        await receive()
        async with self._opening() as application:
            self._application = application
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def compile_pages(settings: Settings, *, staff: bool) -> None:
    """Compiles the pages of the public application, and with `staff` those of the other, into the process's cache.

    A process that forks does so first: its children then compile none.
    """
    _public_pages(settings.broker, statics())
    if staff:
        _staff_pages(settings.broker, statics("console"))


def _public_pages(broker: BrokerSettings, files: Statics) -> PageRenderer:
    return _pages(broker, broker.issuer, broker.languages, files, (*citizens.SHEETS, *public.SHEETS))


def _staff_pages(broker: BrokerSettings, files: Statics) -> PageRenderer:
    from broker.web import staff as staff_pages  # here, since a worker of the public listener needs none of it

    return _pages(broker, broker.console, STAFF_LANGUAGES, files, staff_pages.SHEETS)


def _pages(
    broker: BrokerSettings, origin: str, codes: tuple[str, ...], files: Statics, sheets: Sequence[PageTemplate]
) -> PageRenderer:
    """The pages of one application: its own origin, its languages, its style sheet."""
    site = SiteInfo(
        issuer=origin,
        name=broker.name,
        support=broker.support,
        zone=broker.time_zone,
        languages=codes,
        region=broker.region,
        accounts=broker.accounts.enabled,
    )
    return page_renderer(languages(site.languages, site.zone), site, sheets, files, on_demand=broker.development)


def public_app(container: Container) -> ASGIApp:
    """The application for citizens and services."""
    broker, registry = container.settings.broker, container.configuration.registry
    urls = endpoints(broker.issuer)
    checks = Checks(
        broker.issuer,
        broker.ladder,
        container.crypto.keys.public,
        RESPONSE_MODES,
        lambda: container.crypto.keys.ring().decryption,
    )
    sign_in = sign_in_context(container)
    files = statics()
    pages = _public_pages(broker, files)
    citizen_app = citizens.CitizenApp(
        sign_in, citizen_cases(container, sign_in), pages, container.crypto.sealer, container.system, broker.region
    )
    logout = LogoutContext(
        issuer=broker.issuer,
        callback=f"{broker.issuer}/signed-out",
        keys=container.crypto.keys.public,
        registry=registry,
        stores=LogoutStores(
            sessions=container.connections.sql_stores.sessions,
            pending_logouts=container.connections.ephemeral_stores.pending_logouts,
        ),
        system=container.system,
    )
    at_counter = endpoint_context(container, checks)
    called = service_routes(
        at_counter, urls, Published(_metadata(container, urls), lambda: container.crypto.keys.ring().jwks())
    )
    shown = [
        *citizens.citizen_routes(citizen_app),
        *(citizens.account_routes(citizen_app) if broker.accounts.enabled else ()),
        *goodbye_routes(citizen_app, logout),
        *session_watch_routes(citizen_app, logout),
        *public.public_routes(citizen_app, registry.services, registry.providers, broker.picker.order),
    ]
    logouts = container.connections.sql_stores.upstream_logouts
    theirs = UpstreamLogoutContext(broker.issuer, registry.providers, registry.services, logouts, container.system)
    called = [*called, *provider_routes(theirs)]
    routes = [
        *called,
        *front_routes(citizen_app, sign_in, checks, logout),
        *framed_logout_routes(citizen_app, theirs),
        *shown,
        session_route(files),
        *static_routes(files),
        *alive_routes(container.monitoring.readiness),
    ]
    if container.configuration.client_files is not None:
        # here: only a broker for trying out has it
        from broker.actions.client_registration import RegistrationContext
        from broker.web.services.registration import registration_routes

        registering = registration_routes(
            RegistrationContext(
                urls.registration,
                broker.languages,
                container.configuration.client_files,
                lambda: container.configuration.registry.services,
                container.system,
                container.crypto.sealer,
            ),
            at_counter,
        )
        routes, called = [*routes, *registering], [*called, *registering]
    astray = NotFoundHandler(broker.issuer, typeable_paths(shown), paths(called))
    if not broker.inspector:
        return _with_middleware(routes, pages, astray, "public", container)
    from broker.web import inspector  # here, since production needs none of it

    memory = inspector.ExchangeLog(frozenset(container.configuration.registry.services))
    engineers = replace(citizen_app, pages=_pages(broker, broker.issuer, broker.languages, files, inspector.SHEETS))
    routes.append(inspector.inspector_route(engineers, memory))
    return _with_middleware(
        routes,
        pages,
        astray,
        "public",
        container,
        lambda app: inspector.CaptureMiddleware(app, memory, container.system.now),
    )


def _metadata(container: Container, urls: Endpoints) -> Callable[[], bytes]:
    """The discovery document, made once for each state of the catalogue and set of algorithms that the keys serve."""
    broker = container.settings.broker

    @lru_cache(maxsize=1)
    def made(_version: int, algorithms: tuple[str, ...], decryption: tuple[str, ...]) -> bytes:
        verification = verifiable(
            container.configuration.profiles,
            [known.provider.verifiable for known in container.configuration.registry.providers.values()],
            assisted=_assisted(container),
        )
        document = discovery(
            broker.issuer,
            urls,
            broker.ladder,
            container.configuration.registry.services.values(),
            ServerCapabilities(
                algorithms,
                broker.languages,
                RESPONSE_MODES,
                verification,
                broker.client_certificates.origin,
                decryption,
            ),
            open_to=() if container.configuration.client_files is None else registrable(),
        )
        return metadata_bytes(document)

    def now() -> bytes:
        ring = container.crypto.keys.ring()
        return made(container.configuration.registry.version, ring.algorithms, ring.encryption_algorithms)

    return now


def staff_app(container: Container) -> ASGIApp:
    """The application for support staff, with what only operators read beside it. Raises ValueError without staff."""
    from broker.web import staff as staff_pages  # here, since a worker of the public listener needs none of it

    counters = container.settings.broker.metrics
    files, cases = statics("console"), StaffCases(case_context(container))
    pages = _staff_pages(container.settings.broker, files)
    staff_pages_app = staff_pages.StaffApp(
        staff_login(container), cases, container.configuration.registry.services, pages, container.crypto.sealer
    )
    shown = staff_pages.staff_routes(staff_pages_app)
    routes = [*shown, *static_routes(files), *alive_routes(container.monitoring.readiness)]
    if counters.enabled:
        routes.append(metrics_route(container.monitoring.metrics, read_password(counters.token_file)))
    return _with_middleware(
        routes, pages, NotFoundHandler(container.settings.broker.console, typeable_paths(shown)), "staff", container
    )


def _with_middleware(
    routes: Sequence[BaseRoute],
    pages: PageRenderer,
    astray: NotFoundHandler,
    listener: str,
    container: Container,
    within: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> ASGIApp:
    """The application of these routes inside its middleware. `within` adds the innermost middleware."""
    handlers, clock = public.handlers(pages), container.connections.sql_stores.clock
    inner = within(fast_router(routes, handlers, astray))
    clock_guard = ClockGuard(inner, lambda: clock.unready_reason, astray.calls, handlers[StoreUnavailable])
    guard = guarded(clock_guard, container.system, refuse=public.header_error_handler(pages))
    opened = CrossOrigin(guard, CROSS_ORIGIN if listener == "public" else (), container.configuration.registry.services)
    return RequestMetricsMiddleware(
        opened, listener, templates(routes), container.monitoring.metrics, container.system.monotonic
    )
