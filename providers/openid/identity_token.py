"""Identity token: a second JWT, in a claim of the response, that says who a person is.

GOV.UK One Login calls it core identity JWT. It is signed with other keys than the ID token. Without it the provider
signed the person in and did not prove their identity.
"""

from types import MappingProxyType
from typing import Final

from broker.crypto.jose import KeySet
from broker.crypto.jwe_upstream import DecryptionPolicy
from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClient
from broker.platform.refreshing_cache import CachePolicy, RefreshingCache
from broker.platform.system import System
from broker.provider import ProviderFailureReason
from providers.openid.claim_paths import compile_path
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import AcceptedForm, IdentityTokenConfig
from providers.openid.did_document import DidKeySource
from providers.openid.documents import Documents, document_of
from providers.openid.error_mapping import ErrorMap
from providers.openid.errors import IDENTITY_TOKEN, UpstreamError, UpstreamFault
from providers.openid.metadata import COOL_DOWN, FRESH, RETRY, KeySource
from providers.openid.token_claims import TokenClaims, check_token_claims
from providers.openid.token_opening import TokenOpener, TokenPolicy

NOTHING: Final[JsonObject] = MappingProxyType({})


class IdentityTokenReader:
    """Reads the identity tokens of one provider."""

    def __init__(
        self,
        config: OpenIdConfig,
        table: IdentityTokenConfig,
        keys: RefreshingCache[KeySet],
        errors: ErrorMap,
        system: System,
    ) -> None:
        """`keys` are those of `keys_of`, or of the provider's metadata for a table that names no others."""
        self._config = config
        self._table = table
        self._system = system
        self._errors = errors
        claim = config.return_code_claim
        self._return_code = None if claim is None else compile_path(claim)
        self._place, self._claim = document_of(table.place), compile_path(table.claim)
        self._keys = keys
        policy = TokenPolicy(AcceptedForm.SIGNED, table.algorithms, DecryptionPolicy((), ()), IDENTITY_TOKEN)
        self._opener = TokenOpener(policy, self._keys, (), system)

    async def read(self, documents: Documents, subject: str) -> JsonObject:
        """The claims of the token about the same subject; none if it is missing and not required.

        Raises UpstreamError.
        """
        text = self._claim(self._place(documents), int(self._system.now()))
        if text is None and not self._table.required:
            return NOTHING
        if text is None:
            missing = "identity token: missing, so no identity was proven"
            raise UpstreamError(UpstreamFault.IDENTITY_MISSING, missing, reason=self._reason(documents))
        if not isinstance(text, str):
            raise UpstreamError(UpstreamFault.IDENTITY_FORM, "identity token: not a text")
        verified = await self._opener.open(text)
        kid = verified.header.get("kid")
        if self._table.did is not None and (not isinstance(kid, str) or not kid.startswith(f"{self._table.did}#")):
            raise UpstreamError(UpstreamFault.IDENTITY_FORM, "identity token: kid is missing or of another DID")
        expected = TokenClaims(
            "identity token",
            issuer=self._table.issuer or self._config.issuer,
            audience=self._table.audience or self._config.client_id,
            now=self._system.now(),
            skew=self._config.clock_skew,
            required=frozenset({"iss", "aud", "exp", "sub"}),
        )
        check_token_claims(verified.claims, expected, _refused)
        if verified.claims["sub"] != subject:
            raise UpstreamError(UpstreamFault.IDENTITY_SUBJECT, "identity token: sub is not that of the ID token")
        return verified.claims

    def _reason(self, documents: Documents) -> ProviderFailureReason | None:
        """Why no identity was proven, if the response says so."""
        if self._return_code is None:
            return None
        return self._errors.of_codes(self._return_code(documents.userinfo, int(self._system.now())))

    async def refresh(self) -> None:
        """Fetches its keys, for a health check. Raises UpstreamError."""
        await self._keys.refresh()


def keys_of(table: IdentityTokenConfig, client: HttpClient, system: System) -> RefreshingCache[KeySet] | None:
    """The keys that the table names; None if it names none."""
    if table.did is not None:
        source = DidKeySource(client, table.did)
        return RefreshingCache(source.fetch, system, CachePolicy(lambda _: source.fresh, table.stale, RETRY, COOL_DOWN))
    if table.keys_url is not None:
        keys, url = KeySource(client), table.keys_url
        terms: CachePolicy[object] = CachePolicy(lambda _: FRESH, table.stale, RETRY, COOL_DOWN)
        return RefreshingCache(lambda: keys.fetch(url), system, terms)
    return None


def _refused(detail: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.IDENTITY_CLAIMS, detail)
