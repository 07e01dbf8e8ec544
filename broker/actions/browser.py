"""What an action knows of the browser it acts for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from broker.model.handle import sha256_hex


@dataclass(frozen=True, slots=True)
class DepartedUser:
    """That a citizen signed out in this browser: each provider is asked for a new sign-in once, whoever comes next.

    `after` gives, by provider, when the citizen signed in there (seconds since 1970 UTC by the provider's clock): a
    sign-in that is not later is theirs. `done` are the providers at which there was a new sign-in since.
    """

    after: Mapping[str, int] = field(default_factory=dict)
    done: frozenset[str] = frozenset()

    def signed_out(self, provider: str, auth_time: int) -> "DepartedUser":
        """After one more signing out, of a session that this provider had proven."""
        return DepartedUser({**self.after, provider: max(auth_time, self.after.get(provider, 0))})

    def signed_in(self, provider: str) -> "DepartedUser":
        """After a new sign-in at a provider."""
        return replace(self, done=self.done | {provider})


@dataclass(frozen=True, slots=True)
class Browser:
    """The citizen's browser: its secrets (newest first), the broker's session cookie, its address, its language.

    `departed` is there if somebody signed out in it.

    `request_id` names the request that it makes now, for the log.

    A new secret is set after each sign-in; older tabs keep the one they began with.
    """

    secrets: tuple[str, ...] = ()
    session: str | None = None
    address: str = ""
    language: str | None = None
    request_id: str = ""
    departed: DepartedUser | None = None

    def asks_anew(self, provider: str) -> bool:
        """Whether a provider has to be asked for a new sign-in, since somebody signed out here."""
        return self.departed is not None and provider not in self.departed.done

    def holds(self, wanted: str) -> bool:
        """Whether one of the browser's secrets has this digest. Digests are no secrets, so plain comparison will do."""
        return any(sha256_hex(secret) == wanted for secret in self.secrets)


@dataclass(frozen=True, slots=True)
class BrowserUpdates:
    """What a browser is to remember after an answer: a new secret, and the session's cookie where one is kept.

    `state` is what services may see change (Session Management 1.0), `provider` where the citizen has just proven who
    they are.
    """

    secret: str | None = None
    session: str | None = None
    state: str | None = None
    provider: str | None = None
