"""What an action knows of the browser it acts for."""

from dataclasses import dataclass

from broker.model.handle import digest


@dataclass(frozen=True, slots=True)
class Browser:
    """The citizen's browser: its secrets (newest first), the broker's session cookie, its address, its language.

    `request_id` names the request that it makes now, for the log.

    A new secret is set after each sign-in; older tabs keep the one they began with.
    """

    secrets: tuple[str, ...] = ()
    session: str | None = None
    address: str = ""
    language: str | None = None
    request_id: str = ""

    def holds(self, wanted: str) -> bool:
        """Whether one of the browser's secrets has this digest. Digests are no secrets, so plain comparison will do."""
        return any(digest(secret) == wanted for secret in self.secrets)


@dataclass(frozen=True, slots=True)
class Shared:
    """What a browser is to remember after an answer: a new secret, and the session's cookie where one is kept.

    `state` is what services may see change (Session Management 1.0).
    """

    secret: str | None = None
    session: str | None = None
    state: str | None = None
