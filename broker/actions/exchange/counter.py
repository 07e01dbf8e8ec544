"""What the services' calls work with, and how every one of them begins: who is calling, and which key do they hold."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from broker.actions.needs import Grants, Limits, Proofs, PushedRequests, Questions, Signing, SwitchBoard
from broker.ambient import Ambient
from broker.jose import Authorities, Certificate, KeySet
from broker.jwe import EncryptionKey
from broker.model.allowance import Rate
from broker.model.assurance import Ladder
from broker.model.audit import AuditEvent
from broker.model.facts import Unavailable
from broker.model.grant import AssertionUse, Code, Grant
from broker.model.service import ClientAuthentication, Service
from broker.model.switches import Switches, SwitchKind
from broker.oidc import client, dpop
from broker.oidc.checks import Door
from broker.oidc.ciba import Times
from broker.oidc.client import Audience, Credentials
from broker.oidc.errors import TokenError
from broker.oidc.token import Lifetimes, invalid_grant


class Clients(Protocol):
    """The services as configured now, with their public keys imported once."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Services by client id."""
        ...

    async def keys(self, client_id: str, proof: str | Certificate) -> KeySet:
        """The public keys of a service, to verify a token or know a certificate; an empty text fetches nothing."""
        ...

    async def encryption_keys(self, service: Service, alg: str) -> Sequence[EncryptionKey]:
        """A service's keys of `use` enc, best with one for `alg`. Raises Unavailable where none can be fetched."""
        ...


WITHOUT_MEMORY = 30
"""How old (seconds) a DPoP nonce may be while the shared memory of proofs is out of reach."""

PROOFS = "/proofs"
"""Whose assertions the proofs count as while their memory is out of reach: no service can have this id."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Everything that the services' door needs, built once. `request_uri` is a lifetime in seconds.

    `calls` limits what one service may send to this worker, counted in `own_limits`, its own memory: that guards the
    machine and costs no journey. `failures` limits how often one address may fail to authenticate, at all workers
    together, counted in `limits`, and `asked` how many questions may be put to one citizen. `confirm` is the page where
    citizens type in the code of a question, `ways` are those in which they can be sent it ("email", "phone").
    `authorities` issue client certificates; `aliases` are, by its usual URL, where an endpoint asks for those
    (RFC 8705 5).
    """

    issuer: str
    ladder: Ladder
    door: Door
    audience: Audience
    lifetimes: Lifetimes
    request_uri: int
    calls: Rate
    failures: Rate
    asked: Rate
    question_times: Times
    confirm: str
    ways: frozenset[str]
    clients: Clients
    keys: Signing
    ambient: Ambient
    grants: Grants
    questions: Questions
    pushed: PushedRequests
    proofs: Proofs
    own_limits: Limits
    limits: Limits
    switches: SwitchBoard
    mac: Callable[[str, bytes], bytes]
    mac_matches: Callable[[str, bytes, bytes], bool]
    authorities: Authorities = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
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
    noted: list[dpop.Nonces] = field(default_factory=list, repr=False, compare=False)
    callers: list[str] = field(default_factory=list, repr=False, compare=False)


@dataclass(slots=True)
class Caller:
    """A service whose credentials hold. `assertion` is a use that is still to be recorded: None once it is."""

    call: Call
    service: Service
    assertion: AssertionUse | None


@asynccontextmanager
async def authenticated(counter: Counter, call: Call) -> AsyncIterator[Caller]:
    """The service that is calling (OpenID Connect Core 9). Raises TokenError.

    Its assertion is good for one call, whatever comes of the call: the use is recorded by `once`, or in the transaction
    that issues something, or here if the call is refused before. A second use is refused as `invalid_client`, and no
    other error of the block replaces that. A demand for a DPoP nonce alone uses nothing up: it is not an answer to
    the request, which comes again with the nonce (RFC 9449 8).

    Whether the service is turned off is not asked here: what this process knows of that is brought up to date by the
    first look into a store, after which `check_on` asks.
    """
    known = await _verified(counter, call)
    try:
        yield known
    except TokenError as refusal:
        if not refusal.nonce:
            await once(counter, known)
        elif known.assertion is not None and await counter.grants.assertion_used(known.assertion):
            raise await replayed(counter, known) from None
        raise


async def caller(counter: Counter, call: Call) -> Service:
    """The same for calls in which nothing else records the use of the assertion: it is recorded here."""
    known = await _verified(counter, call)
    await once(counter, known)
    return known.service


async def once(counter: Counter, known: Caller) -> None:
    """Records the use of the caller's assertion, unless it is recorded. Raises TokenError for a second use."""
    use, known.assertion = known.assertion, None
    if use is not None and not await counter.grants.use_assertion(use):
        raise await replayed(counter, known)


async def replayed(counter: Counter, known: Caller) -> TokenError:
    """The error for an assertion that was used before; it counts as a failed authentication."""
    known.assertion = None
    await _failed(counter, known.call)
    return client.assertion_used_before()


async def _verified(counter: Counter, call: Call) -> Caller:
    """The caller, whose credentials hold by themselves. Raises TokenError."""
    credentials = client.presented(call.parameters, call.authorization)
    service = counter.clients.services.get(credentials.client_id)
    if service is not None:
        call.callers.append(service.client_id)
    keys = await counter.clients.keys(credentials.client_id, _keyed(credentials, service, call.certificate))
    service = counter.clients.services.get(credentials.client_id)  # a reload may have come during the fetch
    try:
        now = counter.ambient.now()
        known = client.authenticate(
            credentials, service, keys, counter.audience, now, call.certificate, counter.authorities
        )
    except TokenError:
        await _failed(counter, call)
        raise
    await within(counter.own_limits, f"calls:{known.service.client_id}", counter.calls)
    return Caller(call, known.service, known.assertion)


def _keyed(credentials: Credentials, service: Service | None, certificate: Certificate | None) -> str | Certificate:
    """What the service's own keys are needed for: its assertion or its certificate. An empty text for nothing."""
    if credentials.method is ClientAuthentication.PRIVATE_KEY_JWT:
        return credentials.proof
    by_key = service is not None and service.authentication is ClientAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH
    return certificate if by_key and certificate is not None else ""


async def check_on(counter: Counter, service: Service, held: Code | Grant | None = None) -> None:
    """Asks whether the service is turned on, and what stands behind the code or grant it holds: see `turned_off`.

    As of this call's last look into a store. A service that a reload removed is as good as turned off. Raises
    TokenError.
    """
    switches = await counter.switches.current()
    registered(counter, service)
    if switches.is_off(SwitchKind.SERVICE, service.client_id):
        raise TokenError("unauthorized_client", "this service is turned off", "switched off by an operator")
    if held is not None and (off := turned_off(counter, switches, held)) is not None:
        raise invalid_grant(f"{off} is turned off")


def registered(counter: Counter, service: Service) -> Service:
    """The service as it is registered now, for a call that waited. Raises TokenError if a reload removed it."""
    now = counter.clients.services.get(service.client_id)
    if now is None:
        raise TokenError("unauthorized_client", "this service is turned off", "removed by a reload during the call")
    return now


async def _failed(counter: Counter, call: Call) -> None:
    await within(counter.limits, f"failures:{call.address}", counter.failures)


async def within(limits: Limits, key: str, rate: Rate) -> None:
    """Counts one use; raises TokenError beyond the rate.

    Without its memory the door stays open: a limit guards the machine, not the tokens.
    """
    try:
        allowed = await limits.allow(key, rate.most, rate.window)
    except Unavailable:
        return
    if not allowed:
        raise TokenError("temporarily_unavailable", "too many requests, please slow down", key, status=429)


async def nonces(counter: Counter) -> dpop.Nonces:
    """The makers of DPoP nonces, bound to the memory of proofs as it is now (RFC 9449 8).

    While that memory is out of reach only nonces of the last half minute are good, and no nonce of before or after.
    """

    def mac(data: bytes) -> bytes:
        return counter.mac("dpop nonce", data)

    def matches(data: bytes, mark: bytes) -> bool:
        return counter.mac_matches("dpop nonce", data, mark)

    try:
        return dpop.Nonces(await counter.proofs.epoch(), mac, matches)
    except Unavailable:
        return dpop.Nonces("without memory", mac, matches, WITHOUT_MEMORY)


async def call_nonces(counter: Counter, call: Call) -> dpop.Nonces:
    """The same as `nonces`, which is asked once for a call."""
    if not call.noted:
        call.noted.append(await nonces(counter))
    return call.noted[0]


async def held_key(counter: Counter, call: Call, access_token: str | None = None) -> dpop.Proof | None:
    """The proof of the key that the caller holds, seen for the first time; None where none came (RFC 9449 4.3).

    While the memory of proofs is out of reach, each is noted as a fact: dearer, and as good.
    Raises TokenError, also for two proofs, and for a proof used before.
    """
    if not call.proofs:
        return None
    now = counter.ambient.now()
    alias = counter.aliases.get(call.url)
    known = await call_nonces(counter, call)
    proof = dpop.check_proof(call.proofs, call.method, call.url, known, now, access_token, alias)
    if proof is None:
        return None
    expires = proof.expires + dpop.AHEAD
    try:
        first = await counter.proofs.first_use(proof.jti, expires)
    except Unavailable:
        first = await counter.grants.use_assertion(AssertionUse(PROOFS, proof.jti, expires))
    if not first:
        raise dpop.proof_used_before(access_token is not None)
    return proof


def turned_off(counter: Counter, switches: Switches, held: Code | Grant) -> str | None:
    """What stands behind a code or grant and was turned off since it was issued; None if nothing was.

    A service that was taken out of the configuration is as good as turned off.
    """
    provider = held.release.provider
    if held.client_id not in counter.clients.services or switches.is_off(SwitchKind.SERVICE, held.client_id):
        return "the service"
    if switches.is_off(SwitchKind.ACCOUNT, held.account):
        return "the account"
    if provider is not None and switches.is_off(SwitchKind.PROVIDER, provider):
        return "the provider"
    return None


def event(
    counter: Counter, kind: str, service: Service, grant: Grant | None = None, transaction: str | None = None
) -> AuditEvent:
    """An audit event of a service's doing."""
    return AuditEvent(
        kind=kind,
        at=counter.ambient.now(),
        actor=f"service:{service.client_id}",
        transaction=transaction,
        client_id=service.client_id,
        account=grant.account if grant else None,
        grant=grant.id if grant else None,
    )
