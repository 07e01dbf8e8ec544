"""The browser of a request: the cookies that actions read, and those that they set."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from broker.model.handle import sha256_hex


@dataclass(frozen=True, slots=True)
class SignedOutUser:
    """A sign-out in this browser: each provider is asked once for a new sign-in of the next user.

    `after` gives, by provider, when the citizen signed in there (seconds since 1970 UTC by the provider's clock): a
    sign-in that is not later is theirs. `done` are the providers with a new sign-in since.
    """

    after: Mapping[str, int] = field(default_factory=dict)
    done: frozenset[str] = frozenset()

    def signed_out(self, provider: str, auth_time: int) -> "SignedOutUser":
        """Returns the record after one more sign-out, of a session whose identity this provider proved."""
        return SignedOutUser({**self.after, provider: max(auth_time, self.after.get(provider, 0))})

    def signed_in(self, provider: str) -> "SignedOutUser":
        """Returns the record after a new sign-in at a provider."""
        return replace(self, done=self.done | {provider})


@dataclass(frozen=True, slots=True)
class Browser:
    """The citizen's browser: its secrets (newest first), the broker's session cookie, its address, its language.

    `asked` are the marks of cases that were asked for in it (`case_mark`). `departed` is set if a citizen signed out in
    it. `request_id` is the id of the current request in the log, `agent` the beginning of its User-Agent.

    A new secret is set after each sign-in; older tabs keep the one they began with.
    """

    secrets: tuple[str, ...] = ()
    session: str | None = None
    address: str = ""
    language: str | None = None
    request_id: str = ""
    departed: SignedOutUser | None = None
    asked: tuple[str, ...] = ()
    agent: str = ""

    def asks_anew(self, provider: str) -> bool:
        """Returns whether a new sign-in must be requested of a provider, since a citizen signed out here."""
        return self.departed is not None and provider not in self.departed.done

    def asked_for(self, asker: str) -> bool:
        """Returns whether a case with this digest of a mark (`Case.asker`) was asked for in this browser."""
        return any(sha256_hex(mark) == asker for mark in self.asked)

    def case_mark(self, transaction_browser: str) -> str:
        """Returns the mark by which this browser is recognized as the one that asked for a case.

        It is derived from the secret of the case's transaction (`transaction_browser` is the digest of that secret),
        and does not reveal it: it is kept longer. Raises LookupError if the transaction is of another browser.
        """
        for secret in self.secrets:
            if sha256_hex(secret) == transaction_browser:
                return sha256_hex(f"asked:{secret}")
        raise LookupError("the transaction is of another browser")

    def holds(self, wanted: str) -> bool:
        """Returns whether one of the browser's secrets has this digest. Digests are no secrets: comparison is plain."""
        return any(sha256_hex(secret) == wanted for secret in self.secrets)


@dataclass(frozen=True, slots=True)
class BrowserUpdates:
    """The cookies that a response sets: a new secret, and the session's cookie if there is one.

    `state` is the browser state of Session Management 1.0, `provider` the provider of a new sign-in.
    """

    secret: str | None = None
    session: str | None = None
    state: str | None = None
    provider: str | None = None
