"""The contract with a provider whose sign-ins are done at the broker itself, with passkeys (see `broker.provider`)."""

from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from broker.crypto.passkeys import RelyingParty
from broker.model.json_types import JsonObject
from broker.model.passkey import KeptIdentity, KnownPasskey, Passkey

PASSKEY_PATH: Final = "/passkey"
"""Path at the broker's issuer of the page that asks the browser for a passkey."""


class StoredPasskeys(Protocol):
    """The passkeys of citizens, as a sign-in needs them."""

    async def find(self, digest: str) -> KnownPasskey | None:
        """The passkey with this digest of a credential id, and the identity to which it leads."""
        ...

    async def use(self, passkey: Passkey, sign_count: int, now: float) -> bool:
        """Records a verified use with the new signature counter. False if another use came first."""
        ...

    async def take_up(self, passkey: Passkey) -> KeptIdentity | None:
        """Takes up the identity of the approved case for which the passkey was made, and that is kept from now on.

        None if there is no such case, or if it is not approved.
        """
        ...


@dataclass(frozen=True, slots=True)
class PasskeyTerms:
    """Terms of passkeys: the broker towards authenticators, and for how many seconds an identity is kept by default
    and at most."""

    party: RelyingParty
    keep: int
    keep_at_most: int


@runtime_checkable
class SignsInWithPasskeys(Protocol):
    """A provider whose sign-in is done on a page of the broker, by a passkey. An optional ability."""

    @property
    def passkey_terms(self) -> PasskeyTerms | None:
        """Its terms; None if its sign-ins are done elsewhere."""
        ...

    def passkey_options(self, note: JsonObject) -> JsonObject:
        """The options of `navigator.credentials.get` for an attempt with this state."""
        ...
