"""Opening of tokens from the provider: decryption, if they are encrypted, and verification of their signature.

Only this module turns a token into claims. An encrypted token is not authenticated by its encryption (RFC 7516), so its
content has to be a signed token. A token in another form than configured is rejected: a provider that suddenly sends
less protection may not be the provider.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.crypto.jose import BadSignature, InvalidToken, KeySet, UnknownKey, Verified, strict_json, verify_issued
from broker.crypto.jwe_upstream import DecryptionPolicy, UpstreamDecryptionKey, decrypt_upstream
from broker.model.json_types import JsonObject
from broker.platform.refreshing_cache import RefreshingCache
from broker.platform.system import System
from providers.openid.config_tables import AcceptedForm
from providers.openid.describe import TokenForm, describe_token, token_form
from providers.openid.errors import TokenFaults, UpstreamError

ProviderKeySet = RefreshingCache[KeySet]
"""The keys of a provider, fetched again when they are stale or one is missing."""


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """What is accepted of one kind of token: its form, its algorithms; and the faults of others."""

    form: AcceptedForm
    algorithms: tuple[str, ...]
    decryption: DecryptionPolicy
    faults: TokenFaults


class TokenOpener:
    """Opens tokens of one kind."""

    def __init__(
        self,
        policy: TokenPolicy,
        keys: ProviderKeySet,
        own: Sequence[UpstreamDecryptionKey],
        system: System,
    ) -> None:
        """`keys` are the provider's, `own` the broker's keys for decryption."""
        self._policy = policy
        self._keys = keys
        self._own = own
        self._system = system

    async def open(self, text: str) -> Verified:
        """Returns the verified token. Raises UpstreamError."""
        return await self._verify(self.signed(text))

    def open_unsigned(self, text: str) -> JsonObject:
        """Returns the JSON of a token that is encrypted and not signed. Raises UpstreamError."""
        faults = self._policy.faults
        if token_form(text) is not TokenForm.ENCRYPTED:
            raise UpstreamError(faults.plain, f"{faults.name}: not encrypted, although encryption is configured")
        try:
            claims = strict_json(self._decrypted(text))
        except ValueError:
            claims = None
        if not isinstance(claims, dict):
            raise UpstreamError(faults.form, f"{faults.name}: the encrypted content is not a JSON object")
        return claims

    def _decrypted(self, text: str) -> bytes:
        faults = self._policy.faults
        try:
            return decrypt_upstream(text, self._own, self._policy.decryption).payload
        except InvalidToken as problem:
            raise UpstreamError(faults.undecryptable, f"{faults.name}: {problem.detail}") from None

    def signed(self, text: str) -> str:
        """The signed token, decrypted if it was encrypted. Its signature is not verified yet. Raises UpstreamError."""
        policy, faults = self._policy, self._policy.faults
        if token_form(text) is not TokenForm.ENCRYPTED:
            if policy.form is AcceptedForm.NESTED:
                raise UpstreamError(faults.plain, f"{faults.name}: not encrypted, although encryption is configured")
            return text
        if policy.form is AcceptedForm.SIGNED:
            came = f"{faults.name}: encrypted (JWE, {describe_token(text)}), but only signed ones are configured"
            fix = f"have the provider unset {faults.setting} for this client, or set form in [openid.{faults.table}]"
            raise UpstreamError(faults.encrypted, f"{came}: {fix}")
        inner = self._decrypted(text).decode("ascii", "replace")
        if token_form(inner) is not TokenForm.SIGNED:
            raise UpstreamError(faults.form, f"{faults.name}: the encrypted content is not a signed token")
        return inner

    async def _verify(self, text: str) -> Verified:
        """Verifies the signature with the provider's keys, which are fetched again if no cached one matches.

        A provider may publish a new key under the `kid` of an old one, so an invalid signature causes a fetch as an
        unknown `kid` does. One fetch serves all concurrent callers, and two are `COOL_DOWN` apart.
        """
        keys, algorithms, faults = await self._keys.get(), self._policy.algorithms, self._policy.faults
        asked = self._system.now()
        try:
            try:
                return verify_issued(text, keys, algorithms)
            except (UnknownKey, BadSignature):
                return verify_issued(text, await self._keys.refresh_if_same(keys), algorithms)
        except (UnknownKey, BadSignature) as problem:
            current = self._keys.loaded >= asked
            when = "" if current else ", and the keys were fetched a moment ago"
            fault = faults.keys if current else faults.unproven
            raise UpstreamError(fault, f"{faults.name}: {problem.detail}{when}") from None
        except InvalidToken as problem:
            raise UpstreamError(faults.form, f"{faults.name}: {problem.detail}") from None
