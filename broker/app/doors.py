"""The two applications, wired from the parts of a process."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.actions.assisted.staff import StaffCases
from broker.actions.attempt_log import AttemptLog
from broker.actions.counts import (
    CountedAnswers,
    CountedAudit,
    CountedGrants,
    CountedQuestions,
    CountedSessions,
    CountedTransactions,
)
from broker.actions.exchange.counter import Counter
from broker.actions.sign_in.citizen import SignIn
from broker.actions.sign_in.desk import Desk, Limited
from broker.actions.sign_out import Exit
from broker.app.notifying import notifier
from broker.app.office import case_context, citizen_cases, staff_login, verifiable, ways
from broker.app.parts import Parts, password
from broker.assisted.profiles import shipped
from broker.jose import Authorities, read_authorities
from broker.journey.offer import OrderRule
from broker.model.allowance import Rate
from broker.model.facts import Unavailable
from broker.model.request import ResponseMode
from broker.oidc.checks import Door as Checks
from broker.oidc.ciba import Times
from broker.oidc.client import Audience
from broker.oidc.metadata import Endpoints, aliases, discovery, endpoints, metadata_bytes
from broker.oidc.registration import registrable
from broker.oidc.token import Lifetimes
from broker.operator_files import content
from broker.settings import Rate as RateSetting
from broker.stores.passing.memory import MemoryLimits
from broker.web import citizens, public
from broker.web.astray import Astray, paths, typed
from broker.web.citizens.goodbye import goodbye_routes
from broker.web.language import languages
from broker.web.middleware import guarded
from broker.web.operations import Measured, Rotation, alive_routes, metrics_route, templates
from broker.web.pages import Pages, Sheet, pages
from broker.web.routing import routed
from broker.web.services import routes as service_routes
from broker.web.services.cors import CrossOrigin
from broker.web.services.front import front_routes
from broker.web.services.routes import CROSS_ORIGIN, Published
from broker.web.services.session import session_route
from broker.web.site import Site
from broker.web.static_files import Statics, static_routes, statics

Application = ASGIApp
"""What a server serves."""

STAFF_LANGUAGES = ("en",)
"""The languages of the console."""

CROWDED = 0.8
"""The share of its memory from which on passing state takes no new sign-ins: those under way are to end well."""

RESPONSE_MODES = tuple(ResponseMode)
"""How answers travel back to services."""


def desk(parts: Parts) -> Desk:
    """What signing in works with."""
    broker, facts, passing, meters = parts.settings.broker, parts.facts, parts.passing, parts.meters
    return Desk(
        issuer=broker.issuer,
        ladder=broker.ladder,
        languages=broker.languages,
        assisted=shipped().highest if ways(parts.settings) else None,
        order=OrderRule(broker.picker.order),
        limited=Limited(
            code_lifetime=broker.tokens.code,
            open_transactions=broker.limits.transactions_per_browser,
            session_idle=broker.sessions.idle,
            session_absolute=broker.sessions.absolute,
            codes=_rate(broker.limits.failed_user_codes_per_ip),
            starts=_rate(broker.limits.authorization_requests_per_ip),
            help=_rate(broker.limits.help_requests_per_ip),
        ),
        catalogue=parts.catalogue,
        keys=parts.keys,
        health=parts.watch.healths,
        ambient=parts.ambient,
        transactions=CountedTransactions(passing.transactions, meters),
        pushed=passing.pushed,
        continuations=passing.continuations,
        limits=passing.limits,
        answers=CountedAnswers(facts.answers, meters),
        sessions=facts.sessions,
        questions=CountedQuestions(facts.questions, meters),
        audit=CountedAudit(facts.audit, meters),
        attempts=AttemptLog(meters),
        switches=facts.switches,
        mac=parts.sealer.mac,
        crowded=lambda: passing.memory_fullness() > CROWDED,
    )


def counter(parts: Parts, checks: Checks) -> Counter:
    """What the services' calls work with."""
    broker, facts, passing = parts.settings.broker, parts.facts, parts.passing
    urls, limits = endpoints(broker.issuer), broker.limits
    elsewhere = aliases(broker.issuer, broker.client_certificates.origin)
    return Counter(
        issuer=broker.issuer,
        ladder=broker.ladder,
        door=checks,
        audience=Audience(broker.issuer, (*urls.called, *(elsewhere[url] for url in urls.called if elsewhere))),
        lifetimes=Lifetimes(
            id_token=broker.tokens.id_token,
            access=broker.tokens.access,
            grant=broker.tokens.refresh,
            app_access=broker.tokens.app_access,
            app_grant=broker.tokens.app_refresh,
        ),
        request_uri=broker.tokens.request_uri,
        calls=_rate(limits.requests_per_client),
        failures=_rate(limits.failed_authentications_per_ip),
        asked=_rate(limits.backchannel_requests_per_citizen),
        question_times=Times(broker.tokens.backchannel_request),
        confirm=f"{broker.issuer}/confirm",
        ways=frozenset() if (sending := notifier(broker.notifications)) is None else sending.ways,
        clients=parts.catalogue,
        keys=parts.keys,
        ambient=parts.ambient,
        grants=CountedGrants(facts.grants, parts.meters),
        questions=CountedQuestions(facts.questions, parts.meters),
        pushed=passing.pushed,
        proofs=passing.proofs,
        own_limits=MemoryLimits(parts.ambient),
        limits=passing.limits,
        switches=facts.switches,
        mac=parts.sealer.mac,
        mac_matches=parts.sealer.mac_matches,
        authorities=_authorities(broker.client_certificates.ca_file),
        aliases=elsewhere,
    )


def _rate(given: RateSetting) -> Rate:
    return Rate(given.max, given.window)


def _authorities(file: Path | None) -> Authorities:
    return () if file is None else read_authorities(content(file))


class Door:
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


def _pages(parts: Parts, origin: str, codes: tuple[str, ...], files: Statics, sheets: Sequence[Sheet]) -> Pages:
    """The pages of one door: its own origin, its languages, its style sheet."""
    broker = parts.settings.broker
    site = Site(
        issuer=origin,
        name=broker.name,
        support=broker.support.text,
        phone=broker.support.phone,
        email=broker.support.email,
        url=broker.support.url,
        zone=broker.time_zone,
        languages=codes,
        region=broker.region,
    )
    return pages(languages(site.languages, site.zone), site, sheets, files)


def public_door(parts: Parts) -> ASGIApp:
    """The application for citizens and services."""
    broker = parts.settings.broker
    urls = endpoints(broker.issuer)
    checks = Checks(
        broker.issuer,
        broker.ladder,
        parts.keys.public,
        RESPONSE_MODES,
        lambda: parts.keys.ring().decryption,
    )
    here = desk(parts)
    files = statics()
    ready = _pages(parts, broker.issuer, broker.languages, files, (*citizens.SHEETS, *public.SHEETS))
    door = citizens.Door(SignIn(here, citizen_cases(parts, here)), ready, parts.sealer, parts.ambient, broker.region)
    exit = Exit(
        issuer=broker.issuer,
        callback=f"{broker.issuer}/signed-out",
        keys=parts.keys.public,
        services=parts.catalogue.services,
        providers=parts.catalogue.providers,
        sessions=CountedSessions(parts.facts.sessions, parts.meters),
        goodbyes=parts.passing.goodbyes,
        ambient=parts.ambient,
    )
    at_counter = counter(parts, checks)
    called = service_routes(at_counter, urls, Published(_metadata(parts, urls), lambda: parts.keys.ring().jwks()))
    shown = [
        *citizens.citizen_routes(door),
        *goodbye_routes(door, exit),
        *public.public_routes(door, parts.catalogue.services),
    ]
    routes = [
        *called,
        *front_routes(door, here, checks, exit),
        *shown,
        session_route(files),
        *static_routes(files),
        *alive_routes(parts.readiness),
    ]
    if parts.files is not None:
        from broker.app.registering import registrar  # here, since only a broker for trying out has it
        from broker.web.services.registration import registration_routes

        registering = registration_routes(registrar(parts, urls.registration, parts.files), at_counter)
        routes, called = [*routes, *registering], [*called, *registering]
    astray = Astray(broker.issuer, typed(shown), paths(called))
    if not broker.inspector:
        return _around(routes, ready, astray, "public", parts)
    from broker.web import inspector  # here, since production needs none of it

    memory = inspector.Memory(frozenset(parts.catalogue.services))
    engineers = replace(door, pages=_pages(parts, broker.issuer, broker.languages, files, inspector.SHEETS))
    routes.append(inspector.inspector_route(engineers, memory))
    return _around(
        routes, ready, astray, "public", parts, lambda app: inspector.Inspected(app, memory, parts.ambient.now)
    )


def _metadata(parts: Parts, urls: Endpoints) -> Callable[[], bytes]:
    """The discovery document, made once for each state of the catalogue and set of algorithms that the keys serve."""
    broker = parts.settings.broker
    told = verifiable(parts.settings, [known.provider.verifiable for known in parts.catalogue.providers.values()])

    @lru_cache(maxsize=1)
    def made(version: int, algorithms: tuple[str, ...], decryption: tuple[str, ...]) -> bytes:
        document = discovery(
            broker.issuer,
            urls,
            broker.ladder,
            parts.catalogue.services.values(),
            algorithms,
            broker.languages,
            response_modes=RESPONSE_MODES,
            verifiable=told,
            certificates=broker.client_certificates.origin,
            decryption=decryption,
            open_to=() if parts.files is None else registrable(),
        )
        return metadata_bytes(document)

    def now() -> bytes:
        ring = parts.keys.ring()
        return made(parts.catalogue.version, ring.algorithms, ring.encryption_algorithms)

    return now


def staff_door(parts: Parts) -> ASGIApp:
    """The application for support staff, with what only operators read beside it. Raises ValueError without staff."""
    from broker.web import staff as staff_pages  # here, since a worker of the public door needs none of it

    staff, counters = parts.settings.staff, parts.settings.broker.metrics
    if staff is None:
        raise ValueError("no staff are configured")
    files, desk = statics("console"), case_context(parts)
    ready = _pages(parts, parts.settings.broker.console, STAFF_LANGUAGES, files, staff_pages.SHEETS)
    door = staff_pages.Door(
        staff_login(parts, staff),
        StaffCases(desk),
        desk.rules.profiles,
        parts.catalogue.services,
        staff.people,
        ready,
        parts.sealer,
        parts.ambient,
        desk.prompts.confirm,
    )
    shown = staff_pages.staff_routes(door)
    routes = [*shown, *static_routes(files), *alive_routes(parts.readiness)]
    if counters.enabled:
        routes.append(metrics_route(parts.meters, password(counters.token_file)))
    return _around(routes, ready, Astray(parts.settings.broker.console, typed(shown)), "staff", parts)


def _around(
    routes: Sequence[BaseRoute],
    ready: Pages,
    astray: Astray,
    door: str,
    parts: Parts,
    within: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> ASGIApp:
    """The application of these routes with everything around it. `within` is what stands nearest to the routes."""
    handlers, clock = public.handlers(ready), parts.facts.clock
    inner = within(routed(routes, handlers, astray))
    rotation = Rotation(inner, lambda: clock.out, astray.calls, handlers[Unavailable])
    guard = guarded(rotation, parts.ambient, refuse=public.head_refused(ready))
    opened = CrossOrigin(guard, CROSS_ORIGIN if door == "public" else (), parts.catalogue.services)
    return Measured(opened, door, templates(routes), parts.meters, parts.ambient.tick)
