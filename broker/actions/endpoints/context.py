"""What the services' calls work with, and how every one of them begins: who is calling, and which key do they hold."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

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
from broker.model.rate_limit import RateWindow
from broker.model.service import ClientAuthentication, Service
from broker.model.store_results import StoreUnavailable
from broker.oidc import client_authentication, dpop
from broker.oidc.authorization_checks import ServerContext
from broker.oidc.ciba import CibaLifetimes
from broker.oidc.client_authentication import AssertionAudience, Credentials
from broker.oidc.errors import EndpointError
from broker.oidc.token_request import Lifetimes, invalid_grant
from broker.platform.system import System


class ClientRegistry(Protocol):
    """The services as configured now, with their public keys imported once."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Services by client id."""
        ...

    async def keys(self, client_id: str, proof: str | Certificate) -> KeySet:
        """The public keys of a service, to verify a token or know a certificate; an empty text fetches nothing."""
        ...

    async def encryption_keys(self, service: Service, alg: str) -> Sequence[EncryptionKey]:
        """A service's keys of `use` enc, best with one for `alg`. Raises StoreUnavailable where none can be fetched."""
        ...


NONCE_LIFETIME_WITHOUT_STORE = 30
"""How old (seconds) a DPoP nonce may be while the shared memory of proofs is out of reach."""

DPOP_CLIENT = "/proofs"
"""Whose assertions the proofs count as while their memory is out of reach: no service can have this id."""


@dataclass(frozen=True, slots=True)
class CibaPolicy:
    """Backchannel authentication requests. `confirm_url` is the page where citizens type in the user code.

    `ways` are how a user code can be sent to citizens ("email", "phone").
    """

    lifetimes: CibaLifetimes
    confirm_url: str
    ways: frozenset[str]


@dataclass(frozen=True, slots=True)
class CertificatePolicy:
    """Client certificates: `authorities` issue them; `aliases` maps endpoint URLs to mTLS aliases (RFC 8705 5)."""

    authorities: Authorities = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """The operator's settings for the services' endpoints. `request_uri_lifetime` is in seconds."""

    server: ServerContext
    audience: AssertionAudience
    lifetimes: Lifetimes
    request_uri_lifetime: int
    ciba: CibaPolicy
    certificates: CertificatePolicy


@dataclass(frozen=True, slots=True)
class EndpointStores:
    """The stores that the endpoints read and write: the database first, then ephemeral state."""

    grants: Grants
    backchannel_requests: BackchannelRequests
    kill_switches: KillSwitchReader
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
    """One call of a service. `url` is the endpoint's own, as configured, `proofs` the values of its `DPoP` headers.

    `certificate` is the client certificate that a trusted proxy says it saw (RFC 9440). `noted` is for what one
    call asks for once: the nonces by which its proof was judged are made of the same memory as the one it is answered.
    `callers` is for the id of the registered service that it says it is from, or whose token it brings.
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
    """A service whose credentials hold. `assertion` is a use that is still to be recorded: None once it is."""

    call: EndpointRequest
    service: Service
    assertion: AssertionUse | None


@asynccontextmanager
async def authenticated_caller(context: EndpointContext, call: EndpointRequest) -> AsyncIterator[Caller]:
    """The service that is calling (OpenID Connect Core 9). Raises EndpointError.

    Its assertion is good for one call, whatever comes of the call: the use is recorded by `once`, or in the transaction
    that issues something, or here if the call is refused before. A second use is refused as `invalid_client`, and no
    other error of the block replaces that. A demand for a DPoP nonce alone uses nothing up: it is not an answer to
    the request, which comes again with the nonce (RFC 9449 8).

    Whether the service is turned off is not asked here: what this process knows of that is brought up to date by the
    first look into a store, after which `check_on` asks.
    """
    known = await _verify_caller(context, call)
    try:
        yield known
    except EndpointError as refusal:
        if not refusal.nonce:
            await consume_assertion(context, known)
        elif known.assertion is not None and await context.stores.grants.assertion_used(known.assertion):
            raise await replayed_assertion(context, known) from None
        raise


async def authenticate_caller(context: EndpointContext, call: EndpointRequest) -> Service:
    """The same for calls in which nothing else records the use of the assertion: it is recorded here."""
    known = await _verify_caller(context, call)
    await consume_assertion(context, known)
    return known.service


async def consume_assertion(context: EndpointContext, known: Caller) -> None:
    """Records the use of the caller's assertion, unless it is recorded. Raises EndpointError for a second use."""
    use, known.assertion = known.assertion, None
    if use is not None and not await context.stores.grants.use_assertion(use):
        raise await replayed_assertion(context, known)


async def replayed_assertion(context: EndpointContext, known: Caller) -> EndpointError:
    """The error for an assertion that was used before; it counts as a failed authentication."""
    known.assertion = None
    await _count_failure(context, known.call)
    return client_authentication.assertion_used_before()


async def _verify_caller(context: EndpointContext, call: EndpointRequest) -> Caller:
    """The caller, whose credentials hold by themselves. Raises EndpointError."""
    credentials = client_authentication.parse_credentials(call.parameters, call.authorization)
    service = context.registry.services.get(credentials.client_id)
    if service is not None:
        call.client_ids.append(service.client_id)
    keys = await context.registry.keys(credentials.client_id, _key_proof(credentials, service, call.certificate))
    service = context.registry.services.get(credentials.client_id)  # a reload may have come during the fetch
    try:
        now = context.system.now()
        known = client_authentication.authenticate_client(
            credentials,
            service,
            keys,
            context.policy.audience,
            now,
            call.certificate,
            context.policy.certificates.authorities,
        )
    except EndpointError:
        await _count_failure(context, call)
        raise
    await enforce_rate(context.rates.local_limits, f"calls:{known.service.client_id}", context.rates.requests)
    return Caller(call, known.service, known.assertion)


def _key_proof(credentials: Credentials, service: Service | None, certificate: Certificate | None) -> str | Certificate:
    """What the service's own keys are needed for: its assertion or its certificate. An empty text for nothing."""
    if credentials.method is ClientAuthentication.PRIVATE_KEY_JWT:
        return credentials.proof
    by_key = service is not None and service.authentication is ClientAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH
    return certificate if by_key and certificate is not None else ""


async def require_enabled(
    context: EndpointContext, service: Service, held: AuthorizationCode | Grant | None = None
) -> None:
    """Asks whether the service is turned on, and what stands behind the code or grant it holds: see `turned_off`.

    As of this call's last look into a store. A service that a reload removed is as good as turned off. Raises
    EndpointError.
    """
    switches = await context.stores.kill_switches.current()
    registered(context, service)
    if switches.is_off(KillSwitchKind.SERVICE, service.client_id):
        raise EndpointError("unauthorized_client", "this service is turned off", "switched off by an operator")
    if held is not None and (off := disabled_part(context, switches, held)) is not None:
        raise invalid_grant(f"{off} is turned off")


def registered(context: EndpointContext, service: Service) -> Service:
    """The service as it is registered now, for a call that waited. Raises EndpointError if a reload removed it."""
    now = context.registry.services.get(service.client_id)
    if now is None:
        raise EndpointError("unauthorized_client", "this service is turned off", "removed by a reload during the call")
    return now


async def _count_failure(context: EndpointContext, call: EndpointRequest) -> None:
    await enforce_rate(context.stores.rate_limits, f"failures:{call.address}", context.rates.failures)


async def enforce_rate(limits: RateLimits, key: str, rate: RateWindow) -> None:
    """Counts one use; raises EndpointError beyond the rate.

    Without its memory the door stays open: a limit guards the machine, not the tokens.
    """
    try:
        allowed = await limits.allow(key, rate.most, rate.window)
    except StoreUnavailable:
        return
    if not allowed:
        raise EndpointError("temporarily_unavailable", "too many requests, please slow down", key, status=429)


async def dpop_nonces(context: EndpointContext) -> dpop.DpopNonces:
    """The makers of DPoP nonces, bound to the memory of proofs as it is now (RFC 9449 8).

    While that memory is out of reach only nonces of the last half minute are good, and no nonce of before or after.
    """

    def mac(data: bytes) -> bytes:
        return context.crypto.macs.mac("dpop nonce", data)

    def matches(data: bytes, mark: bytes) -> bool:
        return context.crypto.macs.mac_matches("dpop nonce", data, mark)

    try:
        return dpop.DpopNonces(await context.stores.proofs.epoch(), mac, matches)
    except StoreUnavailable:
        return dpop.DpopNonces("without memory", mac, matches, NONCE_LIFETIME_WITHOUT_STORE)


async def request_nonces(context: EndpointContext, call: EndpointRequest) -> dpop.DpopNonces:
    """The same as `nonces`, which is asked once for a call."""
    if not call.nonces:
        call.nonces.append(await dpop_nonces(context))
    return call.nonces[0]


async def verify_dpop(
    context: EndpointContext, call: EndpointRequest, access_token: str | None = None
) -> dpop.DpopProof | None:
    """The proof of the key that the caller holds, seen for the first time; None where none came (RFC 9449 4.3).

    While the memory of proofs is out of reach, each is noted as a fact: dearer, and as good.
    Raises EndpointError, also for two proofs, and for a proof used before.
    """
    if not call.proofs:
        return None
    now = context.system.now()
    alias = context.policy.certificates.aliases.get(call.url)
    known = await request_nonces(context, call)
    proof = dpop.check_proof(call.proofs, call.method, call.url, known, now, access_token, alias)
    if proof is None:
        return None
    expires = proof.expires + dpop.CLOCK_SKEW
    try:
        first = await context.stores.proofs.first_use(proof.jti, expires)
    except StoreUnavailable:
        first = await context.stores.grants.use_assertion(AssertionUse(DPOP_CLIENT, proof.jti, expires))
    if not first:
        raise dpop.proof_used_before(access_token is not None)
    return proof


def disabled_part(context: EndpointContext, switches: KillSwitches, held: AuthorizationCode | Grant) -> str | None:
    """What stands behind a code or grant and was turned off since it was issued; None if nothing was.

    A service that was taken out of the configuration is as good as turned off.
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
    """An audit event of a service's doing."""
    return AuditEvent(
        kind=kind,
        at=context.system.now(),
        actor=f"service:{service.client_id}",
        transaction=transaction,
        client_id=service.client_id,
        account=grant.account if grant else None,
        grant=grant.id if grant else None,
    )
