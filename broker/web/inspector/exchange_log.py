"""Exchange log of the inspector: names and shapes of parameters, never secrets or personal data."""

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.oidc.dropped_values import DroppedValue
from broker.web.inspector.rules import InspectorRule, RuleVerdict

KEPT: Final = 50
"""Exchanges stored for each service, and for all unknown services together."""

TOKENS: Final = 1000
"""Access tokens (by digest) whose service is stored."""

_PLAIN: Final = frozenset(
    {"acr_values", "client_assertion_type", "client_id", "code_challenge_method", "display", "grant_type", "max_age"}
    | {"prompt", "provider_hint", "redirect_uri", "response_mode", "response_type", "scope", "token_type_hint"}
    | {"ui_locales", "post_logout_redirect_uri", "binding_message", "requested_expiry"}
)
"""Parameters whose values are shown: they are not secret, and cause most errors."""

_JWT: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2,4}", re.ASCII)
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response. `at` is in seconds since 1970 UTC; `client_id` is "" for an unknown service.

    `parameters` are names with redacted values, `answer` the member names of a JSON response. `error`, `description`
    and `detail` are "" without an error; `detail` is what the log says. `ignored` are values without effect.
    """

    at: float
    method: str
    path: str
    client_id: str
    parameters: tuple[tuple[str, str], ...]
    status: int
    error: str = ""
    description: str = ""
    detail: str = ""
    answer: tuple[str, ...] = ()
    rules: tuple[tuple[InspectorRule, RuleVerdict], ...] = ()
    ignored: tuple[DroppedValue, ...] = ()

    @property
    def broken(self) -> InspectorRule | None:
        """The rule that failed, None if there is none or it is unknown."""
        return next((rule for rule, verdict in self.rules if verdict is RuleVerdict.FAILED), None)


@dataclass(slots=True)
class ExchangeLog:
    """The last exchanges of each service, in this process only. `services` are the client ids in force."""

    services: Callable[[], Collection[str]]
    _kept: dict[str, deque[Exchange]] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange; drops the oldest of its service above `KEPT`."""
        self._kept.setdefault(exchange.client_id, deque(maxlen=KEPT)).appendleft(exchange)

    def of(self, client_id: str) -> Iterable[Exchange]:
        """A service's exchanges, newest first."""
        return tuple(self._kept.get(client_id, ()))

    def counts(self) -> Mapping[str, int]:
        """The number of exchanges by service."""
        return {client_id: len(kept) for client_id, kept in sorted(self._kept.items())}

    def add_token(self, digest: str, client_id: str) -> None:
        """Stores the service of an access token, by the token's digest."""
        if len(self._tokens) >= TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[digest] = client_id

    def token_service(self, digest: str) -> str:
        """The service of an access token; "" if unknown."""
        return self._tokens.get(digest, "")


def redact(name: str, value: str) -> str:
    """A parameter's value if it may be shown, else its kind and length."""
    if name in _PLAIN:
        return value[:_LONGEST]
    kind = "a JWT of " if _JWT.fullmatch(value) else ""
    return f"{kind}{len(value)} characters, not kept"
