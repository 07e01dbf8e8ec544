"""The two applications, wired from the parts of a process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from broker.actions.assisted.staff import StaffCases
from broker.actions.logout import LogoutContext, LogoutStores
from broker.actions.open_data.feedback import FeedbackBox, FeedbackDesk
from broker.actions.open_data.publishing import OpenData
from broker.actions.open_data.status import Status
from broker.actions.people.provisioning import Provisioning
from broker.actions.upstream_logout import UpstreamLogoutContext
from broker.assisted.case_records import Channel
from broker.model.request import ResponseMode
from broker.model.store_results import StoreUnavailable
from broker.oidc.authorization_checks import ServerContext as Checks
from broker.oidc.discovery import (
    Endpoints,
    ServerCapabilities,
    discovery,
    endpoints,
    metadata_bytes,
)
from broker.oidc.dropped_values import DroppedValue, dropped_values
from broker.oidc.dynamic_registration import registrable
from broker.settings import read_secret
from broker.settings.texts import READY
from broker.web import citizens, public
from broker.web.citizens.framed_logout import framed_logout_routes
from broker.web.citizens.provider_logout_page import goodbye_routes
from broker.web.citizens.session_watch import session_watch_routes
from broker.web.middleware import BodyLimits, guarded
from broker.web.operations import ClockGuard, RequestMetricsMiddleware, alive_routes, metrics_route, templates
from broker.web.services import routes as service_routes
from broker.web.services.browser_endpoints import front_routes
from broker.web.services.check_session_iframe import session_route
from broker.web.services.client_endpoints import CROSS_ORIGIN, Published
from broker.web.services.cors import CrossOrigin
from broker.web.services.notice_receipts import receipt_routes
from broker.web.services.provider_endpoints import provider_routes
from broker.web.services.provider_events import provider_event_routes
from broker.web.services.signals import signal_routes
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler, paths, typeable_paths
from broker.web.shared.static_files import static_routes, statics
from broker.wiring.app_pages import public_pages, site_pages, staff_pages
from broker.wiring.assisted_wiring import (
    audit_exports,
    case_context,
    citizen_cases,
    citizen_files,
    connectors,
    file_context,
    freeze_context,
    freeze_links,
    letters,
    reports,
    staff_login,
    verifiable,
    video_rooms,
)
from broker.wiring.container import Container
from broker.wiring.contexts import assisted_offered, endpoint_context, kept_context, own_context, sign_in_context
from broker.wiring.desk_wiring import desk_api, desk_counters, desk_file_limits
from broker.wiring.public_statements import statements
from broker.wiring.signals_wiring import received_event_context, stream_context
from broker.wiring.store_access import read_password

if TYPE_CHECKING:
    from broker.web.inspector import ExchangeLog

Application = ASGIApp
"""What a server serves."""

RESPONSE_MODES = tuple(ResponseMode)
"""How answers travel back to services."""


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
        broker.refuse_ignored_values,
    )
    sign_in = sign_in_context(container)
    files = statics()
    pages = public_pages(broker, files)
    citizen_app = citizens.CitizenApp(
        sign_in,
        citizen_cases(container, sign_in),
        pages,
        container.crypto.sealer,
        container.system,
        broker.region,
        citizen_files(container, sign_in),
        lambda: desk_counters(container),
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
        *(citizens.own_account_routes(citizen_app, own_context(container, sign_in)) if broker.accounts.enabled else ()),
        *(citizens.kept_routes(citizen_app, kept_context(container, sign_in)) if broker.accounts.enabled else ()),
        *goodbye_routes(citizen_app, logout),
        *session_watch_routes(citizen_app, logout),
        *citizens.freeze_routes(citizen_app, freeze_links(container)),
        *public.public_routes(
            citizen_app,
            registry.services,
            registry.providers,
            broker.picker.order,
            container.connections.sql_stores.claim_releases,
            container.connections.sql_stores.service_entries,
        ),
        *(public.open_data_routes(citizen_app, reports(container)) if broker.assisted.open_data else ()),
        *public.statement_routes(citizen_app, statements(container.settings)),
        *public.feedback_routes(
            citizen_app,
            FeedbackBox(
                container.connections.sql_stores.feedback,
                container.connections.ephemeral_stores.rate_limits,
                broker.limits.feedback_per_ip,
                container.system,
            ),
        ),
        *public.status_routes(
            citizen_app,
            Status(
                container.connections.sql_stores.disruptions,
                container.system,
                container.connections.sql_stores.status_notes,
            ),
            registry.providers,
        ),
        *public.performance_routes(
            citizen_app,
            OpenData(container.connections.sql_stores.figures, container.system),
            reports(container) if broker.assisted.open_data else None,
            registry.providers,
        ),
    ]
    logouts = container.connections.sql_stores.upstream_logouts
    theirs = UpstreamLogoutContext(broker.issuer, registry.providers, registry.services, logouts, container.system)
    called = [
        *called,
        *provider_routes(theirs),
        *signal_routes(stream_context(container, at_counter)),
        *_receipts(container),
        *desk_api(container, at_counter),
    ]
    called = [*called, *provider_event_routes(received_event_context(container))]
    routes = [
        *called,
        *front_routes(citizen_app, sign_in, checks, logout),
        *framed_logout_routes(citizen_app, theirs),
        *shown,
        session_route(files),
        *static_routes(files),
        *alive_routes(container.monitoring.readiness),
    ]
    memory = _exchange_log(container)
    files_of_clients = container.configuration.client_files
    if files_of_clients is not None:
        # here: only a broker for trying out has it
        from broker.web.citizens.developer_pages import developer_routes
        from broker.web.services.registration import registration_routes
        from broker.wiring.trial_wiring import developer_context, registration_context

        registration = registration_context(container, urls, files_of_clients)
        registering = registration_routes(registration, at_counter)
        routes, called = [*routes, *registering], [*called, *registering]
        if broker.accounts.enabled:
            mine = developer_routes(citizen_app, developer_context(container, sign_in, registration, memory))
            routes, shown = [*routes, *mine], [*shown, *mine]
    astray = NotFoundHandler(broker.issuer, typeable_paths(shown), paths(called))
    if memory is None:
        return _with_middleware(routes, public.ErrorPages(pages), astray, "public", container)
    from broker.web import inspector  # here, since production needs none of it

    def dropped(client_id: str, parameters: Mapping[str, str]) -> Sequence[DroppedValue]:
        service = container.configuration.registry.services.get(client_id)
        return () if service is None else dropped_values(parameters, parameters, service, broker.ladder)

    engineers = replace(citizen_app, pages=site_pages(broker, broker.issuer, broker.languages, files, inspector.SHEETS))
    routes.append(inspector.inspector_route(engineers, memory))
    return _with_middleware(
        routes,
        public.ErrorPages(pages),
        astray,
        "public",
        container,
        lambda app: inspector.CaptureMiddleware(app, memory, container.system.now, dropped),
    )


def _exchange_log(container: Container) -> "ExchangeLog | None":
    """The memory of the inspector, None without it."""
    if not container.settings.broker.inspector:
        return None
    from broker.web.inspector import ExchangeLog  # here, since production needs none of it

    return ExchangeLog(lambda: container.configuration.registry.services)


def _metadata(container: Container, urls: Endpoints) -> Callable[[], bytes]:
    """The discovery document, made once for each state of the catalogue and set of algorithms that the keys serve."""
    broker = container.settings.broker

    @lru_cache(maxsize=1)
    def made(_version: int, algorithms: tuple[str, ...], decryption: tuple[str, ...]) -> bytes:
        verification = verifiable(
            container.configuration.profiles,
            [known.provider.verifiable for known in container.configuration.registry.providers.values()],
            assisted=assisted_offered(container),
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


def _receipts(container: Container) -> list[Route]:
    """Where GOV.UK Notify says what arrived, if that is configured."""
    notify = container.settings.broker.notifications.notify
    token = None if notify is None else read_password(notify.receipts_token_file)
    return receipt_routes(container.connections.sql_stores.notices, token, container.system)


def staff_app(container: Container) -> ASGIApp:
    """The application for support staff, with what only operators read beside it. Raises ValueError without staff."""
    from broker.web import staff  # here, since a worker of the public listener needs none of it

    counters, login = container.settings.broker.metrics, staff_login(container)
    files, cases = statics("console"), StaffCases(case_context(container), connectors(container))
    pages = staff_pages(container.settings.broker, files)
    console = staff.StaffApp(
        login,
        cases,
        container.configuration.registry.services,
        pages,
        container.crypto.sealer,
        reports(container),
        freeze_context(container),
        container.connections.sql_stores.notices,
        audit_exports(container),
        FeedbackDesk(container.connections.sql_stores.feedback, container.system),
        file_context(container),
        letters(container),
        video_rooms(container),
    )
    shown = staff.staff_routes(console)
    routes = [*shown, *static_routes(files), *alive_routes(container.monitoring.readiness)]
    if (directory := container.settings.broker.scim) is not None:
        from broker.web import scim  # here, since it needs the extra `scim`, which takes long to load

        broker, rates = container.settings.broker, container.connections.ephemeral_stores.rate_limits
        skills = cases.context.rules.profiles.skills
        known = {"skills": skills, "languages": frozenset(READY), "channels": frozenset[str](Channel)}
        provisioning = Provisioning(login.people, container.system, directory.subject, known)
        token, wrong = read_secret(directory.token_file), broker.limits.failed_authentications_per_ip
        routes += scim.scim_routes(scim.ScimServer(provisioning, broker.console, token, rates, wrong))
    if counters.enabled:
        routes.append(metrics_route(container.monitoring.metrics, read_password(counters.token_file)))
    errors = public.ErrorPages(pages, staff.console_language)
    astray = NotFoundHandler(container.settings.broker.console, typeable_paths(shown))
    return _with_middleware(routes, errors, astray, "staff", container)


def _with_middleware(
    routes: Sequence[BaseRoute],
    errors: public.ErrorPages,
    astray: NotFoundHandler,
    listener: str,
    container: Container,
    within: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> ASGIApp:
    """The application of these routes inside its middleware. `within` adds the innermost middleware."""
    handlers, clock = public.handlers(errors.pages, errors.language), container.connections.sql_stores.clock
    inner = within(fast_router(routes, handlers, astray))
    clock_guard = ClockGuard(inner, lambda: clock.unready_reason, astray.calls, handlers[StoreUnavailable])
    files = container.settings.broker.assisted.files
    public_files = listener == "public" and files.enabled
    uploads = {**citizens.upload_limits(files), **desk_file_limits(container)} if public_files else {}
    refuse = public.header_error_handler(errors.pages, errors.language)
    guard = guarded(clock_guard, container.system, BodyLimits(larger=uploads), refuse)
    opened = CrossOrigin(guard, CROSS_ORIGIN if listener == "public" else (), container.configuration.registry.services)
    return RequestMetricsMiddleware(
        opened, listener, templates(routes), container.monitoring.metrics, container.system.monotonic
    )
