"""The kind `openid`: one provider that speaks OpenID Connect, authorization code flow with PKCE."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from broker.crypto.jose import BadSignature, InvalidToken, KeySet, SigningKey, UnknownKey, Verified, verify_issued
from broker.model.assurance import Level, VerificationCapabilities
from broker.model.identity import Identity
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
from providers.openid.cache_policy import CACHE_POLICY
from providers.openid.config import NewSignIn, OpenIdConfig
from providers.openid.error_mapping import of_callback_error
from providers.openid.errors import UpstreamError, UpstreamFault
from providers.openid.id_token_checks import ExpectedIdToken, check_id_token
from providers.openid.identity import make_identity, verifiable
from providers.openid.metadata import KeySource, Metadata, fetch_metadata
from providers.openid.token_endpoint import Credentials, TokenResponse, ask_userinfo, check_encryption, redeem

LOG: Final = logging.getLogger("portico.providers")

CHECK_WITHIN: Final = 0.9
"""Seconds within which a health check answers."""

LONGEST_HINT: Final = 4096
"""Characters of an ID token that is kept for signing out there: a longer one does not fit into an address."""

CODE: Final = re.compile(r"[\x20-\x7E]{1,4096}", re.ASCII)
"""What a code can look like (RFC 6749 A.11). Anything else was made up, and nobody is troubled with it."""


class OpenIdProvider:
    """One OpenID provider. What it keeps between calls are copies of the provider's metadata and keys, nothing else.

    The note of a departure: `nonce`, `verifier` (PKCE), `callback`, `at` (when the citizen left), `oldest` (the
    earliest sign-in that will do, if that was asked), `untimed` (whether its time may be missing all the same),
    `after` (the sign-in must be later than that), `iss` (whether the answer must name its issuer).
    """

    def __init__(
        self,
        card: ProviderInfo,
        config: OpenIdConfig,
        ground: ProviderDependencies,
        proof: Credentials,
        key: SigningKey | None,
    ):
        """`key` is our private key at this provider where it authenticates us by one; `proof` makes use of it."""
        self._card = card
        self._config = config
        self._ground = ground
        self._proof = proof
        self._key = key
        self._client = ground.outgoing.client(f"provider:{card.id}", limit=config.max_connections)
        self._key_source = KeySource(self._client)
        self._prefixes: tuple[str, Mapping[Level, str]] = ("", {})
        self._metadata = RefreshingCache(self._fetch_metadata, ground.system, CACHE_POLICY)
        self._keys = RefreshingCache(self._fetch_keys, ground.system, CACHE_POLICY)

    @property
    def card(self) -> ProviderInfo:
        """What the picker shows."""
        return self._card

    @property
    def verifiable(self) -> VerificationCapabilities | None:
        """What its identities can say of how they were verified."""
        return verifiable(self._config)

    @property
    def jwks(self) -> Mapping[str, Any]:
        """Our public keys (RFC 7517) that this provider must know; empty where it knows us by a secret."""
        return {"keys": [self._key.jwk] if self._key else []}

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """A fresh nonce and PKCE verifier, and the URL with them. Asks the network only for metadata not yet known."""
        try:
            metadata = await self._metadata.get()
            prefix = self._prefix(metadata, ask.level)
        except UpstreamError as refused:
            return refused.failure
        draw, now = self._ground.system.random_bytes, self._ground.system.now()
        nonce, verifier = base64url.encode(draw(24)), base64url.encode(draw(32))
        note: dict[str, Any] = {"nonce": nonce, "verifier": verifier, "callback": ask.callback, "at": now}
        if ask.fresh or ask.max_age is not None:
            note["oldest"] = now - (0 if ask.fresh else ask.max_age or 0)
            if ask.max_age is None and NewSignIn.MAX_AGE not in self._config.reauthentication:
                note["untimed"] = True
        if ask.after is not None:
            note["after"] = ask.after
        if metadata.announces_issuer or self._config.iss_parameter_supported:
            note["iss"] = True
        url = address(prefix, self._config, ask, nonce, verifier, self._ground.outgoing.development)
        return UpstreamRedirect(url, note)

    def matches_callback(self, note: Mapping[str, Any], answer: CallbackParameters) -> bool:
        """Whether the answer came to the callback it was to come to and from this issuer (RFC 9207 2.4)."""
        issuer = answer.parameters.get("iss")
        if issuer is None and note.get("iss"):
            return False
        return answer.callback == note["callback"] and issuer in (None, self._config.issuer)

    async def complete(self, note: Mapping[str, Any], answer: CallbackParameters) -> Identity | ProviderFailure:
        """Redeems the code, checks the ID token, asks for userinfo."""
        try:
            return await self._complete(note, answer)
        except UpstreamError as refused:
            return refused.failure

    async def health(self) -> ProviderHealth:
        """Whether metadata and keys can be had right now; asking goes on in the background if that takes long."""
        try:
            async with asyncio.timeout(CHECK_WITHIN):
                await self._metadata.refresh()
                await self._keys.refresh()
        except UpstreamError as refused:
            return ProviderHealth(False, checked=self._ground.system.now(), detail=refused.failure.detail)
        except TimeoutError:
            return ProviderHealth(False, checked=self._ground.system.now(), detail="no answer within a second")
        return ProviderHealth(True, checked=self._ground.system.now())

    async def _complete(self, note: Mapping[str, Any], answer: CallbackParameters) -> Identity:
        if not self.matches_callback(note, answer):
            raise UpstreamError(UpstreamFault.ANSWER_ELSEWHERE, "the answer belongs to another sign-in")
        error = answer.parameters.get("error")
        if error is not None:
            raise of_callback_error(error, self._config.errors)
        code = answer.parameters.get("code", "")
        if not CODE.fullmatch(code):
            raise UpstreamError(
                UpstreamFault.ANSWER_CODE, "the answer has neither an error nor a code that could be one"
            )
        metadata = await self._metadata.get()
        tokens = await redeem(
            self._client, metadata.token_endpoint, self._proof, self._config, code, note["verifier"], note["callback"]
        )
        claims = await self._believe(note, tokens)
        userinfo: Mapping[str, Any] = {}
        if self._config.userinfo and metadata.userinfo_endpoint is not None:
            userinfo = await ask_userinfo(self._client, metadata.userinfo_endpoint, tokens.access_token, claims["sub"])
        now = int(self._ground.system.now())
        identity = make_identity(self._card, self._config, claims, userinfo, now, self._report_malformed)
        wanted = self._config.end_session and metadata.end_session_endpoint is not None
        if wanted and len(tokens.id_token) <= LONGEST_HINT:
            return replace(identity, id_token=tokens.id_token)
        return identity

    async def end_session(self, parting: LogoutRedirect) -> str | None:
        """The address at which the provider ends its session, if its metadata name one and can be had at once."""
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
        """Logs and counts a claim that came in a form that was left out. The value stays unsaid."""
        LOG.info("claim_malformed", extra={"provider": self._card.id, "claim": claim})
        self._ground.count_malformed(self._card.id, claim)

    async def _believe(self, note: Mapping[str, Any], tokens: TokenResponse) -> Mapping[str, Any]:
        """The claims of the ID token, all of them checked."""
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
            algorithm=verified.header["alg"],
        )
        check_id_token(verified.claims, expected)
        return verified.claims

    async def _verify(self, id_token: str) -> Verified:
        """The ID token's content by the provider's keys, fetched again if none of those kept made its signature.

        A provider may publish a new key under the `kid` of an old one, so a signature that does not hold asks again
        as an unknown `kid` does. One fetch serves all who ask at the same time, and two are `COOL_DOWN` apart.
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
            when = "" if current else ", and the keys were asked for a moment ago"
            raise UpstreamError(fault, f"ID token: {problem.detail}{when}") from None
        except InvalidToken as problem:
            raise UpstreamError(UpstreamFault.ID_TOKEN_FORM, f"ID token: {problem.detail}") from None

    async def _fetch_metadata(self) -> Metadata:
        return await fetch_metadata(self._config.issuer, self._client, self._ground.outgoing)

    async def _fetch_keys(self) -> KeySet:
        return await self._key_source.fetch((await self._metadata.get()).jwks_uri)

    def _prefix(self, metadata: Metadata, level: Level) -> str:
        """The authorization request for this level, up to what differs with every departure. Raises UpstreamError."""
        endpoint = metadata.authorization_endpoint
        if self._prefixes[0] != endpoint:
            self._prefixes = (endpoint, prefixes(self._config, endpoint))
        prefix = self._prefixes[1].get(level)
        if prefix is None or level > self._card.max_level:
            raise UpstreamError(UpstreamFault.LEVEL_NOT_OFFERED, f"level {level.name.lower()} cannot be asked for here")
        return prefix
