"""The context of endpoints: client authentication, DPoP proofs, rate limits and kill switches of each call."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from broker.actions.endpoints.ports import ClientTokens
from broker.actions.ports import (
    BackchannelRequests,
    BrokerCrypto,
    Grants,
    KillSwitchReader,
    Proofs,
    PushedRequests,
    RateLimits,
)
from broker.crypto.jose import Authorities, Certificate, KeySet
from broker.crypto.jwe import EncryptionKey
from broker.model.audit import AuditEvent
from broker.model.grant import AssertionUse, AuthorizationCode, Grant
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.model.lifetimes import TokenLifetimes
from broker.model.rate_limit import RateWindow
from broker.model.service import ClientAuthentication, Service
from broker.model.store_results import StoreUnavailable
from broker.oidc import client_authentication, dpop
from broker.oidc.authorization_checks import ServerContext
from broker.oidc.ciba import CibaLifetimes
from broker.oidc.client_authentication import AssertionAudience, Credentials
from broker.oidc.errors import EndpointError
from broker.oidc.token_request import invalid_grant
from broker.platform.log_context import bind_ids
from broker.platform.system import System


class ClientRegistry(Protocol):
    """The services as configured now, with their public keys imported once."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Services by client id."""
        ...

    async def keys(self, client_id: str, proof: str | Certificate) -> KeySet:
        """The public keys of a service, to verify a token or a certificate; an empty text fetches none."""
        ...

    async def encryption_keys(self, service: Service, alg: str) -> Sequence[EncryptionKey]:
        """A service's keys of `use` enc, best with one for `alg`. Raises StoreUnavailable if none can be fetched."""
        ...


NONCE_LIFETIME_WITHOUT_STORE = 30
"""How old (seconds) a DPoP nonce may be while the store of proofs is unreachable."""

NO_MEMORY = "without memory"
"""The epoch of nonces whose proofs are recorded in the database."""

DPOP_CLIENT = "/proofs"
"""The client id under which proofs are stored as assertions while their store is unreachable. No service has it."""


@dataclass(frozen=True, slots=True)
class CibaPolicy:
    """Backchannel authentication requests. `confirm_url` is the page where citizens type in the user code.

    `contact_methods` are how a user code can be sent to citizens ("email", "phone").
    """

    lifetimes: CibaLifetimes
    confirm_url: str
    contact_methods: frozenset[str]


@dataclass(frozen=True, slots=True)
class CertificatePolicy:
    """Client certificates: `authorities` issue them; `aliases` maps endpoint URLs to mTLS aliases (RFC 8705 5)."""

    authorities: Authorities = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """The operator's settings for the services' endpoints."""

    server: ServerContext
    audience: AssertionAudience
    lifetimes: TokenLifetimes
    ciba: CibaPolicy
    certificates: CertificatePolicy


@dataclass(frozen=True, slots=True)
class EndpointStores:
    """The stores that the endpoints read and write: the database first, then ephemeral state."""

    grants: Grants
    backchannel_requests: BackchannelRequests
    kill_switches: KillSwitchReader
    client_tokens: ClientTokens
    pushed: PushedRequests
    proofs: Proofs
    rate_limits: RateLimits


@dataclass(frozen=True, slots=True)
class EndpointRates:
    """Rate limits of the endpoints.

    `requests` limits what one service may send to this worker. It is counted in `local_limits`, the worker's own
    memory, which protects the machine at no cost for a sign-in. The others are counted in `EndpointStores.rate_limits`
    for all workers: `failures` limits failed authentications by client address, `backchannel_requests` the requests
    to one citizen.
    """

    requests: RateWindow
    failures: RateWindow
    backchannel_requests: RateWindow
    local_limits: RateLimits


@dataclass(frozen=True, slots=True)
class EndpointContext:
    """What each endpoint of the services works with, built once."""

    policy: EndpointPolicy
    stores: EndpointStores
    registry: ClientRegistry
    crypto: BrokerCrypto
    system: System
    rates: EndpointRates


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """One request to an endpoint. `url` is the endpoint's configured URL, `proofs` the values of its `DPoP` headers.

    `certificate` is the client certificate that a trusted proxy forwarded (RFC 9440). `nonces` caches the DPoP nonces
    of the request, so that its proof is checked and answered with the same. `client_ids` receives the id of the
    registered service that the request names, or whose token it brings.
    """

    method: str
    url: str
    parameters: Mapping[str, str]
    authorization: str | None
    proofs: tuple[str, ...]
    address: str
    certificate: Certificate | None = None
    accept: str | None = None
    nonces: list[dpop.DpopNonces] = field(default_factory=list, repr=False, compare=False)
    client_ids: list[str] = field(default_factory=list, repr=False, compare=False)


@dataclass(slots=True)
class Caller:
    """An authenticated service. `assertion` is the use of a client assertion that is not yet recorded."""

    call: EndpointRequest
    service: Service
    assertion: AssertionUse | None


@asynccontextmanager
async def authenticated_caller(context: EndpointContext, call: EndpointRequest) -> AsyncIterator[Caller]:
    """Authenticates the calling service (OpenID Connect Core 9). Raises EndpointError.

    A client assertion is valid for one request, whatever its result: its use is recorded by `consume_assertion`, in the
    transaction that issues something, or here if the request is rejected before. A second use is `invalid_client`, and
    no other error of the block replaces that. Only a demand for a DPoP nonce does not use it up, since the client
    repeats the request with the nonce (RFC 9449 8).

    Kill switches are not checked here: the first read of a store refreshes them, after which `require_enabled` checks.
    """
    caller = await _verify_caller(context, call)
    try:
        yield caller
    except EndpointError as refusal:
        if not refusal.nonce:
            await consume_assertion(context, caller)
        elif caller.assertion is not None and await context.stores.grants.assertion_used(caller.assertion):
            raise await replayed_assertion(context, caller) from None
        raise


async def authenticate_caller(context: EndpointContext, call: EndpointRequest) -> Service:
    """Authenticates the calling service, and records the use of its assertion. Raises EndpointError."""
    caller = await _verify_caller(context, call)
    await consume_assertion(context, caller)
    return caller.service


async def consume_assertion(context: EndpointContext, caller: Caller) -> None:
    """Records the use of the caller's assertion, if it is not yet recorded. Raises EndpointError for a second use."""
    use, caller.assertion = caller.assertion, None
    if use is not None and not await context.stores.grants.use_assertion(use):
        raise await replayed_assertion(context, caller)


async def replayed_assertion(context: EndpointContext, caller: Caller) -> EndpointError:
    """Returns the error for an assertion that was used before, and counts a failed authentication."""
    caller.assertion = None
    await _count_failure(context, caller.call)
    return client_authentication.assertion_used_before()


async def _verify_caller(context: EndpointContext, call: EndpointRequest) -> Caller:
    """Checks the caller's credentials, except for the assertion's reuse. Raises EndpointError."""
    credentials = client_authentication.parse_credentials(call.parameters, call.authorization, call.certificate)
    service = context.registry.services.get(credentials.client_id)
    if service is not None:
        call.client_ids.append(service.client_id)
        bind_ids(client_id=service.client_id)
    keys = await context.registry.keys(credentials.client_id, _key_proof(credentials, service))
    service = context.registry.services.get(credentials.client_id)  # a reload may have removed it during the fetch
    try:
        now = context.system.now()
        caller = client_authentication.authenticate_client(
            credentials,
            service,
            keys,
            context.policy.audience,
            now,
            context.policy.certificates.authorities,
        )
    except EndpointError:
        await _count_failure(context, call)
        raise
    await enforce_rate(context.rates.local_limits, f"calls:{caller.service.client_id}", context.rates.requests)
    return Caller(call, caller.service, caller.assertion)


def _key_proof(credentials: Credentials, service: Service | None) -> str | Certificate:
    """Returns what the service's own keys verify: its assertion or its certificate; an empty text if neither."""
    if credentials.method is ClientAuthentication.PRIVATE_KEY_JWT:
        return credentials.proof
    by_key = service is not None and service.credentials.method is ClientAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH
    return credentials.certificate if by_key and credentials.certificate is not None else ""


async def require_enabled(
    context: EndpointContext, service: Service, held: AuthorizationCode | Grant | None = None
) -> None:
    """Checks kill switches and configuration for the service and for its code or grant (`disabled_part`).

    The switches are those of the last read of a store. A service that a reload removed counts as turned off. Raises
    EndpointError.
    """
    switches = await context.stores.kill_switches.current()
    registered(context, service)
    if switches.is_off(KillSwitchKind.SERVICE, service.client_id):
        raise EndpointError("unauthorized_client", "this service is turned off", "switched off by an operator")
    if held is not None and (off := disabled_part(context, switches, held)) is not None:
        raise invalid_grant(f"{off} is turned off")


def registered(context: EndpointContext, service: Service) -> Service:
    """Returns the service as registered now, after a request waited. Raises EndpointError if a reload removed it."""
    now = context.registry.services.get(service.client_id)
    if now is None:
        raise EndpointError("unauthorized_client", "this service is turned off", "removed by a reload during the call")
    return now


async def _count_failure(context: EndpointContext, call: EndpointRequest) -> None:
    await enforce_rate(context.stores.rate_limits, f"failures:{call.address}", context.rates.failures)


async def enforce_rate(limits: RateLimits, key: str, rate: RateWindow) -> None:
    """Counts one use; raises EndpointError beyond the rate.

    Allows the use if the store is unreachable: a rate limit protects the machine, not the tokens.
    """
    try:
        allowed = await limits.allow(key, rate.most, rate.window)
    except StoreUnavailable:
        return
    if not allowed:
        raise EndpointError("temporarily_unavailable", "too many requests, please slow down", key, status=429)


async def dpop_nonces(context: EndpointContext) -> dpop.DpopNonces:
    """Returns the DPoP nonces, bound to the epoch of the store of proofs (RFC 9449 8).

    While the store is unreachable only nonces issued then are valid, for half a minute.
    """

    def mac(data: bytes) -> bytes:
        return context.crypto.macs.mac("dpop nonce", data)

    def matches(data: bytes, mark: bytes) -> bool:
        return context.crypto.macs.mac_matches("dpop nonce", data, mark)

    try:
        return dpop.DpopNonces(await context.stores.proofs.epoch(), mac, matches)
    except StoreUnavailable:
        return dpop.DpopNonces(NO_MEMORY, mac, matches, NONCE_LIFETIME_WITHOUT_STORE)


async def request_nonces(context: EndpointContext, call: EndpointRequest) -> dpop.DpopNonces:
    """Returns the DPoP nonces of a request; the store is read once for each request."""
    if not call.nonces:
        call.nonces.append(await dpop_nonces(context))
    return call.nonces[0]


async def verify_dpop(
    context: EndpointContext, call: EndpointRequest, access_token: str | None = None
) -> dpop.DpopProof | None:
    """Verifies the DPoP proof of a request, and records its first use (RFC 9449 4.3). Returns None without a proof.

    The nonce of a proof says where its use is recorded: in the store of proofs, or in the database if it was made
    while that store was unreachable. A use recorded anywhere else would not be found by the next lookup, so a store
    that is lost between nonce and use asks for a proof with another nonce. Raises EndpointError, also for two proofs,
    and for a proof used before.
    """
    if not call.proofs:
        return None
    now = context.system.now()
    alias = context.policy.certificates.aliases.get(call.url)
    request = dpop.ProvedRequest(call.proofs, call.method, call.url, alias)
    caller = await request_nonces(context, call)
    proof = dpop.check_proof(request, caller, now, access_token)
    if proof is None:
        return None
    expires = proof.expires + dpop.CLOCK_SKEW
    if caller.epoch == NO_MEMORY:
        first = await context.stores.grants.use_assertion(AssertionUse(DPOP_CLIENT, proof.jti, expires))
    else:
        try:
            first = await context.stores.proofs.first_use(proof.jti, expires, caller.epoch)
        except StoreUnavailable:
            call.nonces[:] = [await dpop_nonces(context)]
            raise dpop.nonce_needed(at_resource=access_token is not None) from None
    if not first:
        raise dpop.proof_used_before(at_resource=access_token is not None)
    return proof


def disabled_part(context: EndpointContext, switches: KillSwitches, held: AuthorizationCode | Grant) -> str | None:
    """Returns which part behind a code or grant was turned off since it was issued, or None.

    A service that was removed from the configuration counts as turned off.
    """
    provider = held.release.provider
    if held.client_id not in context.registry.services or switches.is_off(KillSwitchKind.SERVICE, held.client_id):
        return "the service"
    if switches.is_off(KillSwitchKind.ACCOUNT, held.account):
        return "the account"
    if provider is not None and switches.is_off(KillSwitchKind.PROVIDER, provider):
        return "the provider"
    return None


def audit_event(
    context: EndpointContext, kind: str, service: Service, grant: Grant | None = None, transaction: str | None = None
) -> AuditEvent:
    """Returns an audit event of a service."""
    return AuditEvent(
        kind=kind,
        at=context.system.now(),
        actor=f"service:{service.client_id}",
        transaction=transaction,
        client_id=service.client_id,
        account=grant.account if grant else None,
        grant=grant.id if grant else None,
    )
