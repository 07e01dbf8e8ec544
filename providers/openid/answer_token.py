"""Response in a token that the provider signed (JARM, JWT Secured Authorization Response Mode for OAuth 2.0)."""

from collections.abc import Mapping

from broker.crypto.jose import claimed
from broker.crypto.jwe_upstream import DecryptionPolicy
from broker.platform.system import System
from broker.provider import CallbackParameters
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import AcceptedForm
from providers.openid.errors import ANSWER_TOKEN, UpstreamError, UpstreamFault
from providers.openid.own_keys import OwnKeys
from providers.openid.token_claims import TokenClaims, check_token_claims
from providers.openid.token_opening import ProviderKeySet, TokenOpener, TokenPolicy


class AnswerTokens:
    """Opens the responses of one provider that are tokens. Others are rejected: they were not signed."""

    def __init__(self, config: OpenIdConfig, keys: ProviderKeySet, own: OwnKeys, system: System) -> None:
        """`keys` are the provider's, `own` the broker's there."""
        self._config = config
        self._system = system
        policy = TokenPolicy(AcceptedForm.SIGNED, config.algorithms, DecryptionPolicy((), ()), ANSWER_TOKEN)
        self._opener = TokenOpener(policy, keys, (), system)
        table = config.response_token
        decryption = DecryptionPolicy(table.encryption_algorithms, table.content_encryption)
        outer = TokenPolicy(table.form, config.algorithms, decryption, ANSWER_TOKEN)
        self._outer = TokenOpener(outer, keys, own.decryption, system)

    def opened(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """The response with the signed token in place of the encrypted one, and with its `state`, unverified; nothing
        of one that is not encrypted as configured."""
        try:
            text = self._outer.signed(parameters.get("response", ""))
        except UpstreamError:
            return {}
        return {"response": text, "state": claimed(text, "state") or ""}

    def claims_issuer(self, answer: CallbackParameters) -> bool:
        """Whether the response claims to come from this provider. Nothing is verified yet."""
        return claimed(answer.parameters.get("response", ""), "iss") == self._config.issuer

    async def open(self, answer: CallbackParameters) -> Mapping[str, str]:
        """The verified parameters of the response (JARM 2.4). Raises UpstreamError."""
        verified = await self._opener.open(answer.parameters.get("response", ""))
        expected = TokenClaims(
            "response",
            issuer=self._config.issuer,
            audience=self._config.client_id,
            now=self._system.now(),
            skew=self._config.clock_skew,
            required=frozenset({"iss", "aud", "exp"}),
        )
        check_token_claims(verified.claims, expected, _refused)
        if verified.claims.get("state") != answer.parameters.get("state"):
            raise UpstreamError(UpstreamFault.ANSWER_TOKEN, "response: its state is not that of the attempt")
        return {name: value for name, value in verified.claims.items() if isinstance(value, str)}


def _refused(detail: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.ANSWER_TOKEN, detail)
