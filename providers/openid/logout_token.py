"""Logout token of a provider (OpenID Connect Back-Channel Logout 1.0 2.4, 2.6): the session of one citizen ended."""

from typing import Final

from broker.crypto.jwe_upstream import DecryptionPolicy
from broker.model.session import UpstreamLogout
from broker.normalize.dates import numeric_date
from broker.normalize.identifiers import normalize_identifier
from broker.platform.system import System
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import AcceptedForm
from providers.openid.errors import LOGOUT_TOKEN, UpstreamError, UpstreamFault
from providers.openid.id_token_checks import is_subject
from providers.openid.token_claims import TokenClaims, check_token_claims
from providers.openid.token_opening import ProviderKeySet, TokenOpener, TokenPolicy

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LONGEST_LIFE: Final = 300.0
"""Seconds after its `iat` for which a logout token is accepted, whatever its `exp` says."""


class LogoutTokens:
    """Reads the logout tokens of one provider."""

    def __init__(self, config: OpenIdConfig, keys: ProviderKeySet, system: System) -> None:
        """`keys` are the provider's."""
        self._config = config
        self._system = system
        policy = TokenPolicy(AcceptedForm.SIGNED, config.algorithms, DecryptionPolicy((), ()), LOGOUT_TOKEN)
        self._opener = TokenOpener(policy, keys, (), system)

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
            required=frozenset({"iss", "aud", "iat", "jti", "events", "sub"}),
        )
        check_token_claims(claims, expected, _refused)
        issued, events, sid = numeric_date(claims["iat"]) or 0.0, claims["events"], claims.get("sid")
        if issued < now - LONGEST_LIFE - skew:
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: it is too old")
        if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict) or "nonce" in claims:
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: it is none, but another token")
        if not isinstance(sid, str | None):
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: sid is not a text")
        subject = claims["sub"]
        if self._config.subject_form is not None:
            subject = normalize_identifier(subject, self._config.subject_form)
        if not is_subject(subject):
            raise UpstreamError(UpstreamFault.LOGOUT_TOKEN, "logout token: sub is no subject")
        return UpstreamLogout(self._config.issuer, str(subject), sid, issued)


def _refused(detail: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.LOGOUT_TOKEN, detail)
