"""A sign-in with a passkey: a challenge, the page that asks the browser, and the identity that the passkey proves."""

from dataclasses import replace
from typing import Final
from urllib.parse import urlencode, urlsplit

from broker.crypto.passkeys import (
    PasskeyFault,
    RelyingParty,
    StoredPasskey,
    assertion_options,
    credential_of,
    verify_assertion,
)
from broker.model.assurance import VerificationCapabilities
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.model.passkey import KeptIdentity, Passkey, credential_digest
from broker.passkey_provider import PASSKEY_PATH, PasskeyTerms
from broker.platform import base64url
from broker.provider import (
    CallbackParameters,
    FailureCause,
    ProviderFailure,
    ProviderFailureReason,
    ProviderHealth,
    ProviderInfo,
    UpstreamRedirect,
    UpstreamRequest,
)
from providers.kind import BrokerSite, ProviderDependencies
from providers.passkey.config import PasskeyConfig

R, C = ProviderFailureReason, FailureCause
CHALLENGE_SIZE: Final = 32

_FAULTS: Final = {
    PasskeyFault.NOT_VERIFIED: R.TOO_WEAK,
}
"""The reasons of faults; any other is UNSAFE."""


def relying_party(config: PasskeyConfig, site: BrokerSite) -> RelyingParty:
    """The broker towards authenticators. Raises ValueError if `rp_id` is neither its host nor a domain above it."""
    host = urlsplit(site.issuer).hostname or ""
    party = config.rp_id or host
    if party != host and not (host.endswith(f".{party}") and "." in party):
        raise ValueError(f'passkey.rp_id "{party}" is neither {host} nor a domain above it')
    parts = urlsplit(site.issuer)
    return RelyingParty(party, f"{parts.scheme}://{parts.netloc}", site.name)


class PasskeyProvider:
    """Signs citizens in to identities that the broker keeps."""

    def __init__(
        self, card: ProviderInfo, party: RelyingParty, config: PasskeyConfig, ground: ProviderDependencies
    ) -> None:
        self.card = card
        self.verifiable: VerificationCapabilities | None = None
        self.passkey_terms: PasskeyTerms | None = PasskeyTerms(party, config.keep, config.keep_at_most)
        self._party = party
        self._synced_level = config.synced_level
        self._issuer = ground.site.issuer
        self._system = ground.system
        self._passkeys = ground.passkeys

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """Draws a challenge, and leads to the page that asks the browser for a passkey."""
        if self._passkeys is None:
            return ProviderFailure(R.UNAVAILABLE, "no passkeys are stored here", C.BROKER)
        challenge = base64url.encode(self._system.random_bytes(CHALLENGE_SIZE))
        url = f"{self._issuer}{PASSKEY_PATH}?{urlencode({'state': ask.state})}"
        return UpstreamRedirect(url, {"challenge": challenge, "callback": ask.callback})

    def passkey_options(self, note: JsonObject) -> JsonObject:
        """The options of `navigator.credentials.get` for an attempt."""
        return assertion_options(self._party, base64url.decode(str(note["challenge"])))

    def matches_callback(self, note: JsonObject, answer: CallbackParameters) -> bool:
        """Whether the answer came to this provider's callback, and names no other issuer."""
        return answer.callback == note["callback"] and answer.parameters.get("iss") in (None, self._issuer)

    async def complete(self, note: JsonObject, answer: CallbackParameters) -> Identity | ProviderFailure:
        """Verifies the browser's answer by the registered passkey, and returns the kept identity."""
        if answer.parameters.get("error") == "access_denied":
            return ProviderFailure(R.CANCELLED, "the citizen chose another way", C.BROWSER)
        code = answer.parameters.get("code", "")
        credential = credential_of(code)
        if credential is None or self._passkeys is None:
            return _refused(PasskeyFault.MALFORMED)
        known = await self._passkeys.find(credential_digest(credential))
        if known is None:
            return _unusable("unknown")
        passkey = known.passkey
        stored = StoredPasskey(
            passkey.credential, passkey.public_key, passkey.sign_count, passkey.device_bound, passkey.user_handle
        )
        counted = verify_assertion(self._party, base64url.decode(str(note["challenge"])), code, stored)
        if isinstance(counted, PasskeyFault):
            return _refused(counted)
        now = self._system.now()
        if not await self._passkeys.use(passkey, counted, now):
            return _refused(PasskeyFault.COPIED)
        kept = known.kept or await self._passkeys.take_up(passkey)
        if kept is None:
            return _unusable("not_ready")
        if kept.frozen is not None or now >= kept.expires:
            return _unusable("frozen" if kept.frozen is not None else "expired")
        return self._identity(passkey, kept, self._system.now())

    def _identity(self, passkey: Passkey, kept: KeptIdentity, now: float) -> Identity:
        """The kept identity as this sign-in proves it. The level is the lowest of all."""
        most = self.card.max_level if passkey.device_bound else min(self.card.max_level, self._synced_level)
        return replace(
            kept.identity,
            provider=self.card.id,
            source=kept.identity.provider,
            level=min(kept.identity.level, most),
            amr=("user", "hwk" if passkey.device_bound else "swk"),
            auth_time=int(now),
        )

    async def health(self) -> ProviderHealth:
        """Working: there is no other side that could fail."""
        return ProviderHealth(working=True)


def _unusable(why: str) -> ProviderFailure:
    return ProviderFailure(R.PASSKEY_UNUSABLE, f"the passkey leads to no identity: {why}", C.BROWSER, why)


def _refused(fault: PasskeyFault) -> ProviderFailure:
    return ProviderFailure(_FAULTS.get(fault, R.UNSAFE), f"the passkey was refused: {fault}", C.BROWSER, fault)
