"""OpenID Connect provider, kind `openid`: authorization code flow with PKCE."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NotRequired, TypedDict, cast

from broker.crypto.jose import BadSignature, InvalidToken, KeySet, SigningKey, UnknownKey, Verified, verify_issued
from broker.model.assurance import Level, VerificationCapabilities
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.platform import base64url
from broker.platform.refreshing_cache import RefreshingCache
from broker.provider import (
    CallbackParameters,
    LogoutRedirect,
    ProviderFailure,
    ProviderHealth,
    ProviderInfo,
    UpstreamRedirect,
    UpstreamRequest,
)
from providers.kind import ProviderDependencies
from providers.openid.authorization_request import address, end_session_address, prefixes
from providers.openid.config import NewSignIn, OpenIdConfig
from providers.openid.error_mapping import of_callback_error
from providers.openid.errors import UpstreamError, UpstreamFault
from providers.openid.id_token_checks import ExpectedIdToken, check_id_token
from providers.openid.identity import make_identity, verifiable
from providers.openid.metadata import CACHE_POLICY, KeySource, Metadata, fetch_metadata
from providers.openid.token_endpoint import (
    CodeGrant,
    Credentials,
    TokenResponse,
    ask_userinfo,
    check_encryption,
    redeem,
)

LOG: Final = logging.getLogger("portico.providers")

CHECK_WITHIN: Final = 0.9
"""Timeout of a health check in seconds."""

LONGEST_HINT: Final = 4096
"""Maximum length of an ID token that is stored as `id_token_hint`: a longer one does not fit into a URL."""

CODE: Final = re.compile(r"[\x20-\x7E]{1,4096}", re.ASCII)
"""Syntax of an authorization code (RFC 6749 A.11). Any other value was invented, and is not sent to the provider."""


class AttemptNote(TypedDict):
    """State of an attempt, stored by the broker between `begin` and `complete`.

    `verifier` is that of PKCE, `at` is when the citizen left, `oldest` the earliest acceptable authentication, if
    requested, `untimed` says that its time may be missing nevertheless, `after` that the authentication must be later,
    `iss` that the response must carry its issuer.
    """

    nonce: str
    verifier: str
    callback: str
    at: float
    oldest: NotRequired[float]
    untimed: NotRequired[bool]
    after: NotRequired[int]
    iss: NotRequired[bool]


class OpenIdProvider:
    """One OpenID provider. Between calls it keeps only cached copies of the provider's metadata and keys."""

    def __init__(
        self,
        card: ProviderInfo,
        config: OpenIdConfig,
        ground: ProviderDependencies,
        proof: Credentials,
        key: SigningKey | None,
    ):
        """`key` is the broker's private key at this provider, if it authenticates by one; `proof` uses it."""
        self._card = card
        self._config = config
        self._ground = ground
        self._proof = proof
        self._key = key
        self._client = ground.http_clients.client(f"provider:{card.id}", limit=config.max_connections)
        self._key_source = KeySource(self._client)
        self._prefixes: tuple[str, Mapping[Level, str]] = ("", {})
        self._metadata: RefreshingCache[Metadata] = RefreshingCache(self._fetch_metadata, ground.system, CACHE_POLICY)
        self._keys: RefreshingCache[KeySet] = RefreshingCache(self._fetch_keys, ground.system, CACHE_POLICY)

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
        return {"keys": [self._key.jwk] if self._key else []}

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """Creates a nonce and a PKCE verifier, and the authorization URL. Fetches only metadata that is not cached."""
        try:
            metadata = await self._metadata.get()
            prefix = self._prefix(metadata, ask.level)
        except UpstreamError as refused:
            return refused.failure
        draw, now = self._ground.system.random_bytes, self._ground.system.now()
        nonce, verifier = base64url.encode(draw(24)), base64url.encode(draw(32))
        note: AttemptNote = {"nonce": nonce, "verifier": verifier, "callback": ask.callback, "at": now}
        if ask.fresh or ask.max_age is not None:
            note["oldest"] = now - (0 if ask.fresh else ask.max_age or 0)
            if ask.max_age is None and NewSignIn.MAX_AGE not in self._config.reauthentication:
                note["untimed"] = True
        if ask.after is not None:
            note["after"] = ask.after
        if metadata.announces_issuer or self._config.iss_parameter_supported:
            note["iss"] = True
        url = address(prefix, self._config, ask, nonce, verifier, development=self._ground.http_clients.development)
        return UpstreamRedirect(url, note)

    def matches_callback(self, note: JsonObject, answer: CallbackParameters) -> bool:
        """Whether the response came to the expected callback and from this issuer (RFC 9207 2.4)."""
        issuer = answer.parameters.get("iss")
        if issuer is None and note.get("iss"):
            return False
        return answer.callback == note["callback"] and issuer in (None, self._config.issuer)

    async def complete(self, note: JsonObject, answer: CallbackParameters) -> Identity | ProviderFailure:
        """Redeems the code, validates the ID token, fetches userinfo."""
        try:
            return await self._complete(cast(AttemptNote, note), answer)
        except UpstreamError as refused:
            return refused.failure

    async def health(self) -> ProviderHealth:
        """Whether metadata and keys are available now; a slow fetch continues in the background."""
        try:
            async with asyncio.timeout(CHECK_WITHIN):
                await self._metadata.refresh()
                await self._keys.refresh()
        except UpstreamError as refused:
            return ProviderHealth(working=False, checked=self._ground.system.now(), detail=refused.failure.detail)
        except TimeoutError:
            return ProviderHealth(
                working=False, checked=self._ground.system.now(), detail="no response within a second"
            )
        return ProviderHealth(working=True, checked=self._ground.system.now())

    async def _complete(self, note: AttemptNote, answer: CallbackParameters) -> Identity:
        if not self.matches_callback(note, answer):
            raise UpstreamError(UpstreamFault.ANSWER_ELSEWHERE, "the response belongs to another sign-in")
        error = answer.parameters.get("error")
        if error is not None:
            raise of_callback_error(error, self._config.errors)
        code = answer.parameters.get("code", "")
        if not CODE.fullmatch(code):
            raise UpstreamError(UpstreamFault.ANSWER_CODE, "the response has neither an error nor a valid code")
        metadata = await self._metadata.get()
        grant = CodeGrant(code, note["verifier"], note["callback"])
        tokens = await redeem(self._client, metadata.token_endpoint, self._proof, self._config, grant)
        claims = await self._believe(note, tokens)
        userinfo: JsonObject = {}
        if self._config.userinfo and metadata.userinfo_endpoint is not None:
            endpoint, subject = metadata.userinfo_endpoint, str(claims["sub"])
            userinfo = await ask_userinfo(self._client, endpoint, tokens.access_token, subject)
        now = int(self._ground.system.now())
        identity = make_identity(self._card, self._config, claims, userinfo, now, self._report_malformed)
        wanted = self._config.end_session and metadata.end_session_endpoint is not None
        if wanted and len(tokens.id_token) <= LONGEST_HINT:
            return replace(identity, id_token=tokens.id_token)
        return identity

    async def end_session(self, parting: LogoutRedirect) -> str | None:
        """The logout URL of the provider, if its metadata has one and is available immediately."""
        if not self._config.end_session:
            return None
        try:
            async with asyncio.timeout(CHECK_WITHIN):
                metadata = await self._metadata.get()
        except (UpstreamError, TimeoutError):
            return None
        endpoint = metadata.end_session_endpoint
        return None if endpoint is None else end_session_address(endpoint, self._config, parting)

    def _report_malformed(self, claim: str) -> None:
        """Logs and counts a malformed claim that was left out. The value is not logged."""
        LOG.info("claim_malformed", extra={"provider": self._card.id, "claim": claim})
        self._ground.count_malformed(self._card.id, claim)

    async def _believe(self, note: AttemptNote, tokens: TokenResponse) -> JsonObject:
        """The claims of the validated ID token."""
        verified = await self._verify(tokens.id_token)
        expected = ExpectedIdToken(
            issuer=self._config.issuer,
            client_id=self._config.client_id,
            audiences=frozenset(self._config.audiences),
            nonce=note["nonce"],
            departed=note["at"],
            now=self._ground.system.now(),
            skew=self._config.clock_skew,
            oldest=note.get("oldest"),
            after=note.get("after"),
            untimed="untimed" in note,
            access_token=tokens.access_token,
            algorithm=str(verified.header["alg"]),
        )
        check_id_token(verified.claims, expected)
        return verified.claims

    async def _verify(self, id_token: str) -> Verified:
        """Verifies the ID token's signature with the provider's keys, which are fetched again if no cached one matches.

        A provider may publish a new key under the `kid` of an old one, so an invalid signature causes a fetch as an
        unknown `kid` does. One fetch serves all concurrent callers, and two are `COOL_DOWN` apart.
        """
        check_encryption(id_token)
        keys, algorithms = await self._keys.get(), self._config.algorithms
        asked = self._ground.system.now()
        try:
            try:
                return verify_issued(id_token, keys, algorithms)
            except (UnknownKey, BadSignature):
                return verify_issued(id_token, await self._keys.refresh_if_same(keys), algorithms)
        except (UnknownKey, BadSignature) as problem:
            current = self._keys.loaded >= asked
            fault = UpstreamFault.ID_TOKEN_KEYS if current else UpstreamFault.ID_TOKEN_UNPROVEN
            when = "" if current else ", and the keys were fetched a moment ago"
            raise UpstreamError(fault, f"ID token: {problem.detail}{when}") from None
        except InvalidToken as problem:
            raise UpstreamError(UpstreamFault.ID_TOKEN_FORM, f"ID token: {problem.detail}") from None

    async def _fetch_metadata(self) -> Metadata:
        return await fetch_metadata(self._config.issuer, self._client, self._ground.http_clients)

    async def _fetch_keys(self) -> KeySet:
        return await self._key_source.fetch((await self._metadata.get()).jwks_uri)

    def _prefix(self, metadata: Metadata, level: Level) -> str:
        """The URL prefix of the authorization request for this level. Raises UpstreamError."""
        endpoint = metadata.authorization_endpoint
        if self._prefixes[0] != endpoint:
            self._prefixes = (endpoint, prefixes(self._config, endpoint))
        prefix = self._prefixes[1].get(level)
        if prefix is None or level > self._card.max_level:
            raise UpstreamError(
                UpstreamFault.LEVEL_NOT_OFFERED, f"level {level.name.lower()} cannot be requested from this provider"
            )
        return prefix
