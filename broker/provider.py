"""The contract between the broker and the providers of identities.

A provider holds no state and decides nothing about the journey. A failure at the provider is a value; an exception is
a fault of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Protocol, runtime_checkable

from broker.model.assurance import Level, VerificationCapabilities
from broker.model.identity import Identity, UpstreamGrant
from broker.model.json_types import JsonObject
from broker.model.languages import in_language
from broker.model.self_test import SelfTestFinding
from broker.model.session import UpstreamLogout
from broker.platform.toml_loader import Range

CALLBACK_PATH: Final = "/callback/{provider}"
"""Path at the broker's issuer to which a provider sends its responses."""


def callback_url(issuer: str, provider: str) -> str:
    """Redirect URI of a provider: each has one of its own, against mix-up attacks (RFC 9700 4.4.2.2)."""
    return issuer + CALLBACK_PATH.format(provider=provider)


class Prerequisite(StrEnum):
    """What a citizen may have at hand. The picker can sort the providers by it, and never excludes one."""

    PASSPORT = "passport"
    DRIVING_LICENCE = "driving_licence"
    BANK_ACCOUNT = "bank_account"
    SMARTPHONE = "smartphone"
    IDENTITY_CARD = "identity_card"
    CARD_READER = "card_reader"
    MOBILE_ID = "mobile_id"
    IDENTITY_APP = "identity_app"
    RESIDENCE_PERMIT = "residence_permit"
    EMAIL_ACCOUNT = "email_account"


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """Description of a provider, from its file: what the picker shows to citizens, and the level it may reach."""

    id: str
    """Provider identifier: lower-case letters, digits and hyphens. It is part of the callback's path, so it must
    never change. It may be left out in a file of its own: then it is the file's name."""
    names: Mapping[str, str]
    """The name of the provider on citizens' pages, in every language of the broker."""
    needs: Mapping[str, str]
    """What a citizen needs to use it, in one line, in every language."""
    minutes: Annotated[int, Range(1, 1440)]
    """Typical duration of a sign-in, in minutes."""
    max_level: Level
    """The highest level of assurance it is registered for. A higher `acr` in its response is lowered to this."""
    prerequisites: tuple[Prerequisite, ...] = ()
    """What a citizen needs to succeed there: passport, driving_licence, bank_account, smartphone, identity_card (with
    a chip), card_reader, mobile_id (in the SIM card), identity_app, residence_permit, email_account. For citizens who
    say what they have, matching providers come first. Left out: unknown."""
    one_prerequisite_suffices: bool = False
    """Whether one of the prerequisites is enough, for a provider with several means. Left out: all are needed."""
    operator: Mapping[str, str] = field(default_factory=dict)
    """Who runs the provider, by language, for the page about it. Left out: nothing is said."""
    page: str | None = None
    """The provider's own page for citizens, linked from the page about it."""

    def name(self, language: str) -> str:
        """The provider's name in a language, or in the first one it has."""
        return in_language(self.names, language) or next(iter(self.names.values()))

    def fits(self, held: frozenset[Prerequisite]) -> bool:
        """Whether a citizen who has these things at hand is likely to succeed there."""
        wanted = self.prerequisites
        if self.one_prerequisite_suffices and wanted:
            return not held.isdisjoint(wanted)
        return held.issuperset(wanted)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """What the broker asks of a provider: at least this level, at this callback, in this language.

    `state` travels unchanged; `fresh` demands a new sign-in there, and one that is later than `after` if that is given
    (seconds since 1970 UTC by the provider's clock); `max_age` (seconds) is the oldest sign-in allowed;
    `hint` is a login hint passed on in development only. `id_token_hint` is the ID token of the citizen's session, for
    a provider that takes one (`TakesIdTokenHint`).
    """

    level: Level
    state: str
    callback: str
    language: str
    fresh: bool = False
    max_age: int | None = None
    hint: str | None = None
    after: int | None = None
    id_token_hint: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LogoutRedirect:
    """What the broker hands a provider that is to end its own session with a citizen.

    `state` travels unchanged to `callback`, where the citizen comes back. `id_token` is the one that the provider
    issued, if it was kept; `subject` is whom it was about. `grant` is what the broker holds to ask again.
    """

    state: str
    callback: str
    language: str
    subject: str
    id_token: str | None = None
    access_token: str | None = None
    grant: UpstreamGrant | None = None


@dataclass(frozen=True, slots=True)
class UpstreamRedirect:
    """URL to which the citizen is sent, and the provider's state of the attempt (JSON values only, stored sealed).

    `expires` is set for a URL that works once and only until then (seconds since 1970 UTC), such as one with the
    `request_uri` of a pushed request. After that a new departure is needed.
    """

    url: str
    provider_state: JsonObject
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class CallbackParameters:
    """What came back to the callback: the query's parameters, each once, and our callback URL they came to."""

    parameters: Mapping[str, str]
    callback: str


class ProviderFailureReason(StrEnum):
    """Why an attempt at a provider came to nothing."""

    CANCELLED = "cancelled"
    DECLINED = "declined"
    NOT_RECOGNISED = "not_recognised"
    NOT_VERIFIED = "not_verified"
    TOO_WEAK = "too_weak"
    PAUSED = "paused"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    UNSAFE = "unsafe"
    INCOMPLETE = "incomplete"
    SUSPENDED = "suspended"
    PASSKEY_UNUSABLE = "passkey_unusable"


class FailureCause(StrEnum):
    """What a failed attempt depended on. Only the first four can mean that a provider fails for every citizen."""

    TRANSPORT = "transport"
    """The provider gave no answer: name, connection, TLS, time."""
    STATUS = "status"
    """A status that does not depend on the citizen: 5xx, 429, a redirect, our credentials refused."""
    METADATA = "metadata"
    """The provider's metadata cannot be used."""
    KEYS = "keys"
    """The provider's keys cannot be used, or those it publishes now did not make the signature."""
    REPLY = "reply"
    """The content of a reply about this one citizen, whatever is wrong with it."""
    BROWSER = "browser"
    """What came through the citizen's browser: an error, a code, a nonce of another sign-in."""
    BROKER = "broker"
    """A decision of the broker: the provider was not asked."""


OUTAGES: Final = frozenset({FailureCause.TRANSPORT, FailureCause.STATUS, FailureCause.METADATA, FailureCause.KEYS})
"""The causes that count against a provider's health."""


@dataclass(frozen=True, slots=True)
class ProviderFailure:
    """A failed attempt.

    `detail` is for the log of operators: no claims, no codes, no tokens. `fault` is the closed word of the provider's
    kind for the fault, for the log and the counters; empty if the kind has none. `ends_session`: the session in this
    browser has to end, since its citizen could not authenticate again, or the provider did not confirm the sign-in.
    """

    reason: ProviderFailureReason
    detail: str
    cause: FailureCause
    fault: str = ""
    ends_session: bool = False

    @property
    def outage(self) -> bool:
        """Whether the provider itself failed, as seen on the broker's own connection to it.

        Only that counts against its health. What one citizen can bring about, in the browser or by the data that the
        provider holds about them, never does: one person could close a provider for all.
        """
        return self.cause in OUTAGES


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """How a provider does. `since` is when that began (seconds since 1970 UTC), `median` its usual time in seconds.

    `recovered` is when it began to work again after an outage, None if this process has seen none.
    """

    working: bool
    since: float | None = None
    median: float | None = None
    checked: float | None = None
    detail: str = ""
    recovered: float | None = None


class Provider(Protocol):
    """One way to prove who one is."""

    @property
    def card(self) -> ProviderInfo:
        """What the picker shows."""
        ...

    @property
    def verifiable(self) -> VerificationCapabilities | None:
        """Verification that its identities can contain, or None if they contain none."""
        ...

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """Prepares a departure. Calls the network at most for metadata that is not in the cache."""
        ...

    def matches_callback(self, note: JsonObject, answer: CallbackParameters) -> bool:
        """Whether this answer can be an answer to that departure (issuer of the response, RFC 9207). No network.

        False means a stray callback: nothing may change because of it.
        """
        ...

    async def complete(self, note: JsonObject, answer: CallbackParameters) -> Identity | ProviderFailure:
        """Turns an answer into an identity. A second call with the same answer fails at the provider."""
        ...

    async def health(self) -> ProviderHealth:
        """Asked in the background, answers within a second."""
        ...


@runtime_checkable
class ChecksItself(Protocol):
    """A provider that can be used without a citizen, to compare it with what it published. An optional ability."""

    async def self_test(self, callback: str) -> Sequence[SelfTestFinding]:
        """Calls the provider's endpoints with what no citizen is behind, such as a made-up code. `callback` is the
        broker's redirect URI at this provider.

        A refusal is then the expected answer. Empty if everything is as expected.
        """
        ...


@runtime_checkable
class PublishesKeys(Protocol):
    """A provider at which the broker has keys of its own. An optional ability."""

    @property
    def jwks(self) -> JsonObject:
        """The broker's public keys for this provider (RFC 7517 5)."""
        ...


@runtime_checkable
class ReceivesLogout(Protocol):
    """A provider that tells the broker when a citizen signs out there. An optional ability."""

    async def read_logout(self, token: str) -> UpstreamLogout | ProviderFailure | None:
        """Validates a logout token. None if the settings do not expect any from this provider."""
        ...


@dataclass(frozen=True, slots=True)
class LogoutFrames:
    """Frames in which a provider ends sessions: the issuer that they name, and URLs on the origins of the pages with
    them."""

    issuer: str
    pages: tuple[str, ...]


@runtime_checkable
class FramesLogout(Protocol):
    """A provider that shows an address of the broker in a frame when a citizen signs out there. An optional ability."""

    @property
    def logout_frames(self) -> LogoutFrames | None:
        """What is expected of its frames; None if the settings do not expect any from this provider."""
        ...


@dataclass(frozen=True, slots=True)
class SessionFrame:
    """The page of a provider that tells scripts in a frame whether its session changed (OpenID Connect Session
    Management 1.0, 3.3): its URL, and the broker's client id."""

    url: str
    client_id: str


@runtime_checkable
class WatchesSessions(Protocol):
    """A provider that can tell a page of the broker whether its session changed. An optional ability."""

    @property
    def watches_sessions(self) -> bool:
        """Whether the settings want it. Then identities have a `session_state`, if the provider sends one."""
        ...

    async def session_frame(self) -> SessionFrame | None:
        """The page for the frame, or None if there is none now. Calls the network at most for metadata that is not in
        the cache."""
        ...


@runtime_checkable
class InitiatesLogin(Protocol):
    """A provider that may send citizens to the broker to sign in (OpenID Connect Core 4). An optional ability."""

    @property
    def initiating_issuer(self) -> str | None:
        """The issuer that it names; None if the settings do not permit it."""
        ...


@dataclass(frozen=True, slots=True)
class LogoutTarget:
    """Where a citizen signs out at a provider: whether the provider demands it, and whether they may stay there."""

    url: str
    must_call: bool = False
    may_not_return: bool = False


@runtime_checkable
class OpensResponses(Protocol):
    """A provider whose responses may be encrypted, with their `state` in them. An optional ability."""

    def open_response(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """The parameters of a response, with its `state`. Nothing in them is verified."""
        ...


@runtime_checkable
class TakesIdTokenHint(Protocol):
    """A provider that may take the ID token of a session, to have its citizen sign in again. An optional ability."""

    @property
    def takes_id_token_hint(self) -> bool:
        """Whether it is asked in this way."""
        ...


@dataclass(frozen=True, slots=True)
class Recheck:
    """The answer of a provider that was asked about the sign-in of a session: `failure` is None if it confirmed that.
    `identity` is the same with what is needed to ask again, also after a failure: a provider may issue a new refresh
    token before its next answer fails."""

    identity: Identity
    failure: ProviderFailure | None = None


@runtime_checkable
class RechecksSessions(Protocol):
    """A provider that can be asked whether a sign-in is still good, without the citizen. An optional ability."""

    @property
    def recheck_after(self) -> int | None:
        """Seconds after which it is asked before a session is used again; None: it never is."""
        ...

    async def recheck(self, identity: Identity) -> Recheck:
        """Asks about an identity with a `grant`. Never for one grant twice at once: each call may use it up."""
        ...


@runtime_checkable
class EndsSessions(Protocol):
    """A provider that can end its own session with a citizen who signs out. An optional ability."""

    async def end_session(self, parting: LogoutRedirect) -> LogoutTarget | None:
        """Where the citizen is sent for that, or None. Revokes tokens, if the settings say so. The provider decides
        whether to ask the citizen, and whether they come back."""
        ...
