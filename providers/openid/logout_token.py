"""Logout token of a provider (OpenID Connect Back-Channel Logout 1.0 2.4, 2.6): the session of one citizen ended."""

from collections.abc import Sequence
from typing import Final

from broker.crypto.jwe_upstream import DecryptionPolicy, UpstreamDecryptionKey
from broker.model.json_types import JsonObject
from broker.model.session import UpstreamLogout
from broker.normalize.dates import numeric_date
from broker.normalize.identifiers import normalize_identifier
from broker.platform.system import System
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import AcceptedForm
from providers.openid.errors import LOGOUT_TOKEN, UpstreamError, UpstreamFault
from providers.openid.id_token_checks import is_subject
from providers.openid.identity import MAX_SID
from providers.openid.token_claims import TokenClaims, check_token_claims
from providers.openid.token_opening import ProviderKeySet, TokenOpener, TokenPolicy

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LONGEST_LIFE: Final = 300.0
"""Seconds after its `iat` for which a logout token is accepted, whatever its `exp` says."""

MAX_JTI: Final = 256


class LogoutTokens:
    """Reads the logout tokens of one provider."""

    def __init__(
        self, config: OpenIdConfig, keys: ProviderKeySet, own: Sequence[UpstreamDecryptionKey], system: System
    ) -> None:
        """`keys` are the provider's, `own` the broker's for decryption: a provider that encrypts ID tokens may encrypt
        logout tokens too (2.4)."""
        self._config = config
        self._system = system
        given = config.id_token
        form = AcceptedForm.SIGNED if given.form is AcceptedForm.SIGNED else AcceptedForm.EITHER
        decryption = DecryptionPolicy(given.encryption_algorithms, given.content_encryption)
        self._opener = TokenOpener(TokenPolicy(form, config.algorithms, decryption, LOGOUT_TOKEN), keys, own, system)
        self._names_subjects = config.subject_claim == "sub" and config.acting.person is None

    async def read(self, token: str) -> UpstreamLogout:
        """Whose session ended, and when the provider said so. Raises UpstreamError."""
        claims = (await self._opener.open(token)).claims
        now, skew = self._system.now(), self._config.clock_skew
        expected = TokenClaims(
            "logout token",
            issuer=self._config.issuer,
            audience=self._config.client_id,
            now=now,
            skew=skew,
            required=frozenset({"iss", "aud", "iat", "jti", "events"}),
        )
        check_token_claims(claims, expected, _refused)
        issued, events, sid = numeric_date(claims["iat"]) or 0.0, claims["events"], claims.get("sid")
        if issued < now - LONGEST_LIFE - skew:
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: it is too old")
        if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict) or "nonce" in claims:
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: it is none, but another token")
        if sid is not None and (not isinstance(sid, str) or not 1 <= len(sid) <= MAX_SID):
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: sid is no session")
        subject = self._subject(claims)
        if subject is None and sid is None:
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: it names neither a subject nor a session")
        jti = claims["jti"]
        if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_JTI:
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: jti is no identifier")
        return UpstreamLogout(self._config.issuer, subject, sid, issued, jti)

    def _subject(self, claims: JsonObject) -> str | None:
        """The subject as in identities; None if the token names none, or identities have another claim as subject."""
        subject = claims.get("sub")
        if subject is None:
            return None
        if self._config.subject_form is not None:
            subject = normalize_identifier(subject, self._config.subject_form)
        if not is_subject(subject):
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: sub is no subject")
        return str(subject) if self._names_subjects else None


def _refused(detail: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.LOGOUT_TOKEN, detail)
