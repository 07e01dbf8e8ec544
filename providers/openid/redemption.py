"""Redemption of an authorization code: tokens, the documents of the person, and the identity made of them.

Each document is verified before it is read, and all are about one subject.
"""

import logging
from dataclasses import dataclass, replace
from typing import Final, cast

from broker.crypto.jose import KeySet
from broker.crypto.jwe_upstream import DecryptionPolicy
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClient
from broker.platform.refreshing_cache import RefreshingCache
from broker.platform.system import System
from broker.provider import ProviderInfo
from providers.kind import ProviderDependencies
from providers.openid.attempt_note import AttemptNote
from providers.openid.claim_sources import ClaimSources
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import AcceptedForm, DocumentPlace, UserinfoForm
from providers.openid.direct_calls import DirectCalls
from providers.openid.documents import Documents, document_of
from providers.openid.error_mapping import ErrorMap
from providers.openid.errors import ID_TOKEN, USERINFO_TOKEN
from providers.openid.id_token_checks import ExpectedIdToken, check_id_token, check_sign_in_time
from providers.openid.identity import IdentityReader
from providers.openid.identity_token import IdentityTokenReader, keys_of
from providers.openid.logout_request import with_logout_tokens
from providers.openid.metadata import Metadata
from providers.openid.own_keys import OwnKeys
from providers.openid.session_recheck import RecheckParts, SessionRecheck, begin_grant
from providers.openid.token_binding import TokenBinding
from providers.openid.token_endpoint import CodeGrant, TokenResponse, redeem
from providers.openid.token_opening import TokenOpener, TokenPolicy
from providers.openid.userinfo import UserinfoReader

LOG: Final = logging.getLogger("portico.providers")


@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """The keys of the provider's metadata, and the connections over which other keys are fetched."""

    cache: RefreshingCache[KeySet]
    client: HttpClient


class Redemption:
    """Redeems the codes of one provider. The parts that its settings need are built once."""

    def __init__(
        self,
        card: ProviderInfo,
        config: OpenIdConfig,
        calls: DirectCalls,
        own: OwnKeys,
        keys: ProviderKeys,
        ground: ProviderDependencies,
    ) -> None:
        """`own` are the broker's keys at the provider, `keys` the provider's."""
        self._card = card
        self._config = config
        self.errors = ErrorMap(config)
        self._calls = calls
        self._ground = ground
        given = config.id_token
        decryption = DecryptionPolicy(given.encryption_algorithms, given.content_encryption)
        policy = TokenPolicy(given.form, config.algorithms, decryption, ID_TOKEN)
        self._id_tokens = TokenOpener(policy, keys.cache, own.decryption, ground.system)
        self._userinfo = None
        if config.userinfo:
            opener = _userinfo_opener(config, keys, own, ground.system)
            self._userinfo = UserinfoReader(config, calls, opener, self.errors, ground.system)
        table = config.identity_token
        self.identity_tokens: IdentityTokenReader | None
        if table is None:
            self.identity_tokens = None
        else:
            others = keys_of(table, keys.client, ground.system) or keys.cache
            self.identity_tokens = IdentityTokenReader(config, table, others, self.errors, ground.system)
        self._identities = IdentityReader(card, config)
        self._sources = _claim_sources(card, config, ground)
        self._binding = None if own.certificate is None else TokenBinding(calls, own.certificate)
        self._timed = document_of(config.auth_time_place)
        self.recheck: SessionRecheck | None = None
        if config.refresh is not None:
            userinfo = self._userinfo if config.refresh.userinfo else None
            parts = RecheckParts(self._id_tokens, userinfo, self._binding, self.errors)
            self.recheck = SessionRecheck(config, calls, parts, ground.system)

    async def identity(self, metadata: Metadata, note: AttemptNote, code: str) -> Identity:
        """Exchanges the code, once, for the identity of the person. Raises UpstreamError."""
        kept = cast(JsonObject, note)
        grant = CodeGrant(code, note["verifier"] if self._config.pkce else None, note["callback"])
        tokens = await redeem(self._calls, metadata, self.errors, grant, kept)
        if self._binding is not None:
            await self._binding.check(metadata, tokens.access_token, kept)
        documents, expected = await self._believe(note, tokens)
        subject = str(documents.id_token["sub"])
        if self._userinfo is not None and metadata.userinfo_endpoint is not None:
            userinfo = await self._userinfo.ask(metadata.userinfo_endpoint, tokens.access_token, subject, kept)
            documents = replace(documents, userinfo=userinfo)
        if self.identity_tokens is not None:
            documents = replace(documents, identity_token=await self.identity_tokens.read(documents, subject))
        if self._sources is not None:
            documents = replace(documents, sources=await self._sources.read(documents))
        if self._config.auth_time_place is not DocumentPlace.ID_TOKEN:
            check_sign_in_time(self._timed(documents), expected)
        now = self._ground.system.now()
        identity = self._identities.make(documents, int(now), self._report_malformed)
        if self.recheck is not None:
            identity = begin_grant(identity, tokens, documents.id_token, note, now)
        return with_logout_tokens(self._config, identity, metadata, tokens.id_token, tokens.access_token)

    def _report_malformed(self, claim: str) -> None:
        """Logs and counts a malformed claim that was left out. The value is not logged."""
        LOG.info("claim_malformed", extra={"provider": self._card.id, "claim": claim})
        self._ground.count_malformed(self._card.id, claim)

    async def _believe(self, note: AttemptNote, tokens: TokenResponse) -> tuple[Documents, ExpectedIdToken]:
        """The validated ID token, and what was expected of it."""
        verified = await self._id_tokens.open(tokens.id_token)
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
        if self._config.auth_time_place is DocumentPlace.ID_TOKEN:
            check_id_token(verified.claims, expected)
        else:
            check_id_token(verified.claims, replace(expected, untimed=True))
        return Documents(verified.claims), expected


def _claim_sources(card: ProviderInfo, config: OpenIdConfig, ground: ProviderDependencies) -> ClaimSources | None:
    """The reader of other parties' claims, if some are configured."""
    if not config.claim_sources:
        return None
    client = ground.http_clients.client(f"claims:{card.id}", limit=config.max_connections)
    return ClaimSources(config, client, ground.system)


def _userinfo_opener(config: OpenIdConfig, keys: ProviderKeys, own: OwnKeys, system: System) -> TokenOpener:
    """Opens userinfo responses in the configured form."""
    table = config.userinfo_response
    form = AcceptedForm.NESTED if table.form is UserinfoForm.NESTED else AcceptedForm.SIGNED
    decryption = DecryptionPolicy(table.encryption_algorithms, table.content_encryption)
    policy = TokenPolicy(form, table.algorithms or config.algorithms, decryption, USERINFO_TOKEN)
    return TokenOpener(policy, keys.cache, own.decryption, system)
