"""What the inspector keeps of an exchange: names and shapes, never what could be used or says who somebody is."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.web.inspector.rules import InspectorRule, RuleVerdict

KEPT: Final = 50
"""How many exchanges are kept for each service, and of those whose service is not known."""

TOKENS: Final = 1000
"""Of how many access tokens it is remembered (by their digest) to whom they were given."""

_PLAIN: Final = frozenset(
    {"acr_values", "client_assertion_type", "client_id", "code_challenge_method", "display", "grant_type", "max_age"}
    | {"prompt", "provider_hint", "redirect_uri", "response_mode", "response_type", "scope", "token_type_hint"}
    | {"ui_locales", "post_logout_redirect_uri", "binding_message", "requested_expiry"}
)
"""Parameters that are shown as they came: they are no secrets, and are most of what goes wrong."""

_JWT: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2,4}", re.ASCII)
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer. `at` in seconds since 1970 UTC; `client_id` is "" where no registered service is named.

    `parameters` are names with shapes, `answer` the names of the members of a JSON answer. `error`, `description` and
    `detail` are empty where nothing was refused; the detail is what the log says.
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

    @property
    def broken(self) -> InspectorRule | None:
        """The rule that failed, where one is known."""
        return next((rule for rule, verdict in self.rules if verdict is RuleVerdict.FAILED), None)


@dataclass(slots=True)
class ExchangeLog:
    """The last exchanges of each service of `services`, in this process alone."""

    services: frozenset[str]
    _kept: dict[str, deque[Exchange]] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def keep(self, exchange: Exchange) -> None:
        """Keeps one more; the oldest of its service gives way."""
        self._kept.setdefault(exchange.client_id, deque(maxlen=KEPT)).appendleft(exchange)

    def of(self, client_id: str) -> Iterable[Exchange]:
        """A service's exchanges, the newest first."""
        return tuple(self._kept.get(client_id, ()))

    def counts(self) -> Mapping[str, int]:
        """How many there are, by service."""
        return {client_id: len(kept) for client_id, kept in sorted(self._kept.items())}

    def given(self, digest: str, client_id: str) -> None:
        """Remembers to whom an access token was given."""
        if len(self._tokens) >= TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[digest] = client_id

    def holder(self, digest: str) -> str:
        """To whom an access token was given; "" where that is not known."""
        return self._tokens.get(digest, "")


def redact(name: str, value: str) -> str:
    """A parameter's value if it may be shown, else what kind of text it is."""
    if name in _PLAIN:
        return value[:_LONGEST]
    kind = "a JWT of " if _JWT.fullmatch(value) else ""
    return f"{kind}{len(value)} characters, not kept"
