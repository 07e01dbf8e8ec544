"""The contexts of actions, wired from the parts of a process."""

from pathlib import Path

from broker.actions.account.own import OwnContext
from broker.actions.account.ways import account_policy
from broker.actions.attempt_log import AttemptLog
from broker.actions.endpoints.context import (
    CertificatePolicy,
    CibaPolicy,
    EndpointContext,
    EndpointPolicy,
    EndpointRates,
    EndpointStores,
)
from broker.actions.passkeys.kept import PATH as KEPT_PATH
from broker.actions.passkeys.kept import KeptContext
from broker.actions.passkeys.reminders import ReminderContext
from broker.actions.ports import BrokerCrypto
from broker.actions.sign_in.context import SignInContext, SignInLimits, SignInMonitoring, SignInPolicy, SignInStores
from broker.crypto.jose import Authorities, read_authorities
from broker.journey.provider_offer import OfferPolicy
from broker.oidc.authorization_checks import ServerContext as Checks
from broker.oidc.ciba import CibaLifetimes
from broker.oidc.client_authentication import AssertionAudience
from broker.oidc.discovery import (
    endpoints,
    mtls_endpoint_aliases,
)
from broker.platform.operator_files import content
from broker.stores.ephemeral.memory import MemoryRateLimits
from broker.wiring.assisted_wiring import help_ways
from broker.wiring.container import Container

OVERLOAD_THRESHOLD = 0.8
"""The share of its memory from which on passing state takes no new sign-ins: those under way are to end well."""


def assisted_offered(container: Container) -> bool:
    """Whether assisted verification is offered."""
    return bool(help_ways(container.settings, container.connections.notifiers))


def sign_in_context(container: Container) -> SignInContext:
    """What signing in works with."""
    broker, meters = container.settings.broker, container.monitoring.metrics
    sql, ephemeral = container.connections.sql_stores, container.connections.ephemeral_stores
    return SignInContext(
        policy=SignInPolicy(
            issuer=broker.issuer,
            languages=broker.languages,
            offer=OfferPolicy(
                broker.picker.order, container.configuration.profiles.highest if assisted_offered(container) else None
            ),
            limits=SignInLimits(
                code_lifetime=broker.tokens.code,
                open_transactions=broker.limits.transactions_per_browser,
                sessions=broker.sessions,
                codes=broker.limits.failed_user_codes_per_ip,
                starts=broker.limits.authorization_requests_per_ip,
                help=broker.limits.help_requests_per_ip,
                waiting_refresh=broker.provider_watch.waiting_room_refresh,
                passkeys=broker.limits.passkeys_per_ip,
                tokens=broker.tokens,
            ),
            account=account_policy(
                broker.issuer, broker.name, broker.accounts.fresh_for, broker.accounts.kept_reminders
            ),
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
            count_start=container.monitoring.starts.count,
            departures=meters,
        ),
    )


def kept_context(container: Container, sign_in: SignInContext) -> KeptContext:
    """What the pages of passkeys work with."""
    stores = container.connections.sql_stores
    return KeptContext(sign_in, stores.passkeys, stores.kept_identities)


def own_context(container: Container, sign_in: SignInContext) -> OwnContext:
    """What the pages of a citizen's account work with."""
    stores = container.connections.sql_stores
    return OwnContext(
        sign_in,
        stores.agreements,
        stores.own_sessions,
        stores.own_activity,
        stores.account_stops,
        stores.account_data,
        stores.kept_identities,
    )


def reminder_context(container: Container) -> ReminderContext:
    """What reminding of kept identities works with."""
    broker, connections = container.settings.broker, container.connections
    return ReminderContext(
        connections.sql_stores.kept_reminders,
        broker.accounts.kept_reminders,
        f"{broker.issuer}{KEPT_PATH}",
        frozenset(connections.notifiers),
        container.system,
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
                contact_methods=frozenset(container.connections.notifiers),
            ),
            certificates=CertificatePolicy(_authorities(broker.client_certificates.ca_file), elsewhere),
        ),
        stores=EndpointStores(
            grants=sql.grants,
            backchannel_requests=sql.questions,
            kill_switches=sql.kill_switches,
            client_tokens=sql.client_tokens,
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


def _authorities(file: Path | None) -> Authorities:
    return () if file is None else read_authorities(content(file))
