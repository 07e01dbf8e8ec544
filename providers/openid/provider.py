"""OpenID Connect provider, kind `openid`: authorization code flow with PKCE."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from broker.crypto.jose import KeySet
from broker.crypto.jwe import EncryptionKey
from broker.model.assurance import Level, VerificationCapabilities
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.model.provider_event import PolledEvents, ProviderEvent, RefusedEvent
from broker.model.self_test import SelfTestFinding
from broker.model.session import UpstreamLogout
from broker.platform import base64url
from broker.platform.http_client import ConnectionTerms, HttpClient
from broker.platform.operator_files import first_line
from broker.platform.refreshing_cache import RefreshingCache
from broker.platform.tls import ServerTls
from broker.provider import (
    CallbackParameters,
    LogoutFrames,
    LogoutRedirect,
    LogoutTarget,
    ProviderFailure,
    ProviderHealth,
    ProviderInfo,
    Recheck,
    SessionFrame,
    UpstreamRedirect,
    UpstreamRequest,
)
from providers.kind import ProviderDependencies
from providers.openid.answer_token import AnswerTokens
from providers.openid.attempt_note import AttemptNote
from providers.openid.authorization_request import constants, encoded, hinted, prefix, variables
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import AcceptedForm, LogoutKind, NewSignIn, ResponseMode
from providers.openid.direct_calls import DirectCalls
from providers.openid.errors import UpstreamError, UpstreamFault
from providers.openid.identity import verifiable
from providers.openid.logout_request import logout_address, revoke
from providers.openid.logout_token import LogoutTokens
from providers.openid.metadata import CACHE_POLICY, KeySource, Metadata, fetch_encryption_keys, fetch_metadata
from providers.openid.own_keys import OwnKeys
from providers.openid.pushed_request import push
from providers.openid.redemption import ProviderKeys, Redemption
from providers.openid.request_object import RequestObjects
from providers.openid.security_events import EventTerms, SecurityEvents
from providers.openid.self_test import run_self_test

LOG: Final = logging.getLogger("portico.providers")

CHECK_WITHIN: Final = 0.9
"""Timeout of a health check in seconds."""

BEGIN_WITHIN: Final = 6.0
"""Timeout of a pushed request in seconds, with its repetition for a nonce."""

COMPLETE_WITHIN: Final = 12.0
"""Timeout of all calls of a callback together, in seconds: shorter than the journey's limit for a check."""

LOGIN_REQUIRED: Final = "login_required"
"""Error of a citizen who did not authenticate (OpenID Connect Core 3.1.2.6)."""

CODE: Final = re.compile(r"[\x20-\x7E]{1,4096}", re.ASCII)
"""Syntax of an authorization code (RFC 6749 A.11). Any other value was invented, and is not sent to the provider."""


SESSION_STATE: Final = re.compile(r"[\x21-\x7E]{1,1024}", re.ASCII)
"""Syntax of a `session_state`: it has no space (Session Management 1.0, 2). Any other value is ignored."""


class OpenIdProvider:
    """One OpenID provider. Between calls it keeps only cached copies of the provider's metadata and keys."""

    def __init__(
        self, card: ProviderInfo, config: OpenIdConfig, ground: ProviderDependencies, calls: DirectCalls, own: OwnKeys
    ):
        """`calls` are the direct calls to the provider, `own` the broker's keys there."""
        self._card = card
        self._config = config
        self._ground = ground
        self._calls = calls
        self._own = own
        self._client = provider_client(card, config, ground)
        self._place = terms_of(config).place
        self._key_source = KeySource(self._client)
        self._constants = constants(config)
        self._encryption_keys: RefreshingCache[tuple[EncryptionKey, ...]] = RefreshingCache(
            self._fetch_encryption_keys, ground.system, CACHE_POLICY
        )
        self._objects = (
            None
            if config.request_object is None
            else RequestObjects(config, config.request_object, own, self._encryption_keys, ground.system)
        )
        self._prefixes: tuple[str, Mapping[Level, str]] = ("", {})
        self._metadata: RefreshingCache[Metadata] = RefreshingCache(self._fetch_metadata, ground.system, CACHE_POLICY)
        self._keys: RefreshingCache[KeySet] = RefreshingCache(self._fetch_keys, ground.system, CACHE_POLICY)
        signed = config.response_mode is ResponseMode.JWT
        self._answers = AnswerTokens(config, self._keys, own, ground.system) if signed else None
        self._encrypts = signed and config.response_token.form is not AcceptedForm.SIGNED
        self._logouts = (
            LogoutTokens(config, self._keys, own.decryption, ground.system) if config.logout.backchannel else None
        )
        self._events = self._security_events(config)
        keys = ProviderKeys(self._keys, self._client)
        self._redemption = Redemption(card, config, calls, own, keys, ground)

    def _security_events(self, config: OpenIdConfig) -> SecurityEvents | None:
        if config.events is None:
            return None
        named = config.subject_claim == "sub" and config.subject_form is None and config.acting.person is None
        bearer = first_line(self._ground.read(config.events.bearer_file))
        terms = EventTerms(config.issuer, config.client_id, config.clock_skew, named, bearer)
        return SecurityEvents(config.events, terms, self._keys, self._client, self._ground.system)

    @property
    def card(self) -> ProviderInfo:
        """The description for the picker."""
        return self._card

    @property
    def verifiable(self) -> VerificationCapabilities | None:
        """What its identities can state about their verification."""
        return verifiable(self._config)

    @property
    def jwks(self) -> JsonObject:
        """The broker's public keys (RFC 7517) for this provider; empty if it authenticates by a secret."""
        return self._own.jwks

    @property
    def takes_id_token_hint(self) -> bool:
        """Whether the settings have a citizen authenticate again by the ID token of their session."""
        return NewSignIn.ID_TOKEN_HINT in self._config.reauthentication

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """Creates a nonce and a PKCE verifier, and the authorization URL. Calls the network for a pushed request, and
        for metadata that is not cached."""
        try:
            metadata = await self._metadata.get()
            constant = self._constant(ask.level)
            note = self._note(ask, metadata)
            development = self._ground.http_clients.development
            own = variables(self._config, ask, note["nonce"], note["verifier"], development=development)
            if self._config.pushed or self._objects is not None:
                return await self._send(metadata, {**constant, **own}, note)
            own |= self._calls.key_parameters(cast(JsonObject, note))
            return UpstreamRedirect(self._prefix(metadata, ask.level) + encoded(own), note)
        except UpstreamError as refused:
            return refused.failure

    def _note(self, ask: UpstreamRequest, metadata: Metadata) -> AttemptNote:
        """The state of a new attempt."""
        draw, now = self._ground.system.random_bytes, self._ground.system.now()
        nonce, verifier = draw(self._config.nonce_bytes).hex(), base64url.encode(draw(32))
        note: AttemptNote = {"nonce": nonce, "verifier": verifier, "callback": ask.callback, "at": now}
        note.update(cast(AttemptNote, self._calls.prepare()))
        if ask.fresh or ask.max_age is not None:
            note["oldest"] = now - (0 if ask.fresh else ask.max_age or 0)
            known = self._config.reauthentication
            if NewSignIn.MAX_AGE not in known and (ask.max_age is None or NewSignIn.PROMPT_LOGIN in known):
                note["untimed"] = True
        if ask.after is not None:
            note["after"] = ask.after
        if hinted(self._config, ask):
            note["known"] = True
        if metadata.announces_issuer or self._config.iss_parameter_supported:
            note["iss"] = True
        return note

    async def _send(
        self, metadata: Metadata, parameters: Mapping[str, str], note: AttemptNote
    ) -> UpstreamRedirect | ProviderFailure:
        """A departure whose parameters are signed, pushed, or both."""
        kept = cast(JsonObject, note)
        parameters = {**parameters, **self._calls.key_parameters(kept)}
        if self._objects is not None:
            parameters = await self._objects.parameters(parameters, metadata.authorization_endpoint)
        if not self._config.pushed:
            url = prefix(parameters, self._place(metadata.authorization_endpoint)).removesuffix("&")
            return UpstreamRedirect(url, kept)
        try:
            async with asyncio.timeout(BEGIN_WITHIN):
                away = await push(self._calls, metadata, self._config, self._redemption.errors, parameters, kept)
                return replace(away, url=self._place(away.url))
        except TimeoutError:
            return _overdue("the pushed request").failure

    def open_response(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """Decrypts a response, if they are encrypted, so that its `state` can be read."""
        return parameters if self._answers is None or not self._encrypts else self._answers.opened(parameters)

    def matches_callback(self, note: JsonObject, answer: CallbackParameters) -> bool:
        """Whether the response came to the expected callback and from this issuer (RFC 9207 2.4)."""
        if self._answers is not None:
            return answer.callback == note["callback"] and self._answers.claims_issuer(answer)
        issuer = answer.parameters.get("iss")
        if issuer is None and note.get("iss") and (self._config.iss_in_errors or not answer.parameters.get("error")):
            return False
        return answer.callback == note["callback"] and issuer in (None, self._config.issuer)

    async def complete(self, note: JsonObject, answer: CallbackParameters) -> Identity | ProviderFailure:
        """Redeems the code, validates the ID token, fetches userinfo."""
        try:
            async with asyncio.timeout(COMPLETE_WITHIN):
                return await self._complete(cast(AttemptNote, note), answer)
        except UpstreamError as refused:
            return refused.failure
        except TimeoutError:
            return _overdue("the calls of one sign-in").failure

    async def health(self) -> ProviderHealth:
        """Whether metadata and keys are available now; a slow fetch continues in the background."""
        try:
            async with asyncio.timeout(CHECK_WITHIN):
                await self._metadata.refresh()
                await self._keys.refresh()
                if self._redemption.identity_tokens is not None:
                    await self._redemption.identity_tokens.refresh()
        except UpstreamError as refused:
            return ProviderHealth(working=False, checked=self._ground.system.now(), detail=refused.failure.detail)
        except TimeoutError:
            return ProviderHealth(
                working=False, checked=self._ground.system.now(), detail="no response within a second"
            )
        return ProviderHealth(working=True, checked=self._ground.system.now())

    async def self_test(self, callback: str) -> Sequence[SelfTestFinding]:
        """Compares metadata and keys with the settings, and sends a made-up code to the token endpoint."""
        return await run_self_test(self._config, self._calls, self._client, self._ground, callback)

    async def _complete(self, note: AttemptNote, answer: CallbackParameters) -> Identity:
        if not self.matches_callback(note, answer):
            raise UpstreamError(UpstreamFault.ANSWER_ELSEWHERE, "the response belongs to another sign-in")
        parameters = answer.parameters if self._answers is None else await self._answers.open(answer)
        error = parameters.get("error")
        if error is not None:
            refused = self._redemption.errors.of_callback(error, parameters.get("error_description"))
            raise refused.ending_session() if "known" in note and error == LOGIN_REQUIRED else refused
        code = parameters.get("code", "")
        if code in self._redemption.errors.own:
            raise self._redemption.errors.of_callback(code, parameters.get("error_description"))
        if not CODE.fullmatch(code):
            raise UpstreamError(UpstreamFault.ANSWER_CODE, "the response has neither an error nor a valid code")
        identity = await self._redemption.identity(await self._metadata.get(), note, code)
        if not self._config.logout.check_session or not SESSION_STATE.fullmatch(parameters.get("session_state", "")):
            return identity
        return replace(identity, session_state=parameters["session_state"])

    async def read_logout(self, token: str) -> UpstreamLogout | ProviderFailure | None:
        """Validates a logout token of the provider, if the settings expect some."""
        if self._logouts is None:
            return None
        try:
            return await self._logouts.read(token)
        except UpstreamError as refused:
            return refused.failure

    async def read_event(self, token: str, authorization: str | None) -> ProviderEvent | RefusedEvent | None:
        """Validates a security event token of the provider, if the settings expect some."""
        return None if self._events is None else await self._events.read(token, authorization)

    async def poll_events(self, taken: Sequence[str], refused: Sequence[str]) -> PolledEvents | None:
        """Fetches security events, if the settings say so."""
        return None if self._events is None else await self._events.poll(taken, refused)

    @property
    def logout_frames(self) -> LogoutFrames | None:
        """Its front-channel logout, if the settings expect it."""
        logout = self._config.logout
        if not logout.frontchannel:
            return None
        pages = logout.frontchannel_origins or (self._config.issuer,)
        return LogoutFrames(self._config.issuer, tuple(self._place(page) for page in pages))

    @property
    def watches_sessions(self) -> bool:
        """Whether a page of the broker asks its `check_session_iframe`."""
        return self._config.logout.check_session

    async def session_frame(self) -> SessionFrame | None:
        """Its `check_session_iframe`, if it has one and its metadata is available immediately."""
        if not self._config.logout.check_session:
            return None
        try:
            async with asyncio.timeout(CHECK_WITHIN):
                url = (await self._metadata.get()).check_session_iframe
        except (UpstreamError, TimeoutError):
            return None
        return None if url is None else SessionFrame(self._place(url), self._config.client_id)

    @property
    def initiating_issuer(self) -> str | None:
        """The issuer that begins sign-ins at the broker, if the settings permit it."""
        return self._config.issuer if self._config.initiate_login else None

    @property
    def recheck_after(self) -> int | None:
        """Seconds after which a sign-in is confirmed before its session is used, if the settings say so."""
        return None if self._config.refresh is None else self._config.refresh.recheck

    async def recheck(self, identity: Identity) -> Recheck:
        """Redeems the refresh token of a session."""
        recheck = self._redemption.recheck
        return Recheck(identity) if recheck is None else await recheck.ask(self._metadata.get, identity)

    async def end_session(self, parting: LogoutRedirect) -> LogoutTarget | None:
        """The logout page of the provider, if it has one and its metadata is available immediately. Revokes the tokens
        that the broker holds."""
        recheck = self._redemption.recheck
        if not self._config.end_session and recheck is None:
            return None
        try:
            async with asyncio.timeout(CHECK_WITHIN):
                metadata = await self._metadata.get()
                if recheck is not None and parting.grant is not None:
                    await recheck.revoke(metadata, parting.grant.note)
                if not self._config.end_session:
                    return None
                if self._config.logout.kind is LogoutKind.REVOKE:
                    if parting.access_token is not None:
                        await revoke(self._calls, metadata, parting.access_token)
                    return None
        except (UpstreamError, TimeoutError):
            return None
        address = logout_address(self._config, metadata, parting)
        if address is None:
            return None
        logout = self._config.logout
        return LogoutTarget(self._place(address), logout.must_call, logout.may_not_return)

    async def _fetch_metadata(self) -> Metadata:
        return await fetch_metadata(self._config, self._client, self._ground.http_clients)

    async def _fetch_keys(self) -> KeySet:
        return await self._key_source.fetch((await self._metadata.get()).jwks_uri)

    async def _fetch_encryption_keys(self) -> tuple[EncryptionKey, ...]:
        return await fetch_encryption_keys((await self._metadata.get()).jwks_uri, self._client)

    def _constant(self, level: Level) -> Mapping[str, str]:
        """The constant parameters of the authorization request for this level. Raises UpstreamError."""
        constant = self._constants.get(level)
        if constant is None or level > self._card.max_level:
            raise UpstreamError(
                UpstreamFault.LEVEL_NOT_OFFERED, f"level {level.name.lower()} cannot be requested from this provider"
            )
        return constant

    def _prefix(self, metadata: Metadata, level: Level) -> str:
        """The URL with the constant parameters for this level, which are encoded once for each endpoint."""
        endpoint = metadata.authorization_endpoint
        if self._prefixes[0] != endpoint:
            self._prefixes = (
                endpoint,
                {one: prefix(known, self._place(endpoint)) for one, known in self._constants.items()},
            )
        return self._prefixes[1][level]


def provider_client(card: ProviderInfo, config: OpenIdConfig, ground: ProviderDependencies) -> HttpClient:
    """The connection pool to the provider."""
    return ground.http_clients.client(f"provider:{card.id}", limit=config.max_connections, terms=terms_of(config))


def terms_of(config: OpenIdConfig) -> ConnectionTerms:
    """The terms of the connections to the provider."""
    tls = ServerTls(config.ca_file, frozenset(config.tls_roots), config.certificate_file, config.certificate_key_file)
    return ConnectionTerms(None if tls == ServerTls() else tls, config.headers, config.simulator or "")


def _overdue(what: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.BUDGET_SPENT, f"{what} took too long")
