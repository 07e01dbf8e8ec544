"""What of an authorization request has no effect: values that the standards let a server ignore.

They are no errors, and are most often misspelt. The inspector tells them, and a broker for development can refuse them.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from broker.crypto.jose import strict_json
from broker.model.assurance import AcrLevels
from broker.model.claims import CLAIMS
from broker.model.grant import OFFLINE_ACCESS
from broker.model.service import Service
from broker.oidc.claims_parameter import DESTINATIONS, PROTOCOL_CLAIMS
from broker.oidc.parameters import AUTHORIZATION
from broker.oidc.scopes import OPENID

_LONGEST: Final = 80
_CLAIMS: Final = frozenset(claim for claims in CLAIMS.values() for claim in claims)
_ADDED: Final = frozenset({"client_assertion", "client_assertion_type", "client_secret", "resource"})
"""Parameters beside those of the request that are sent with a reason: client authentication, RFC 8707."""


@dataclass(frozen=True, slots=True)
class DroppedValue:
    """A value that is ignored: the parameter it stands in, the value, and why, with what was perhaps meant."""

    parameter: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.parameter} {self.value}: {self.reason}"


def dropped_values(
    parameters: Mapping[str, str], names: Collection[str], service: Service, ladder: AcrLevels
) -> tuple[DroppedValue, ...]:
    """Finds the values of a request that are ignored, in any request: a malformed one has its own error.

    `parameters` are those that the endpoint reads, `names` all that were sent (RFC 6749 3.1: unknown ones are ignored;
    OpenID Connect Core 3.1.2.1: unknown scopes and acr values; 5.5: unknown claims).
    """
    return (
        *_parameters(names),
        *_acr_values(parameters.get("acr_values", ""), service, ladder),
        *_scope(parameters.get("scope", ""), service),
        *_claims(parameters.get("claims", ""), service),
    )


def _parameters(names: Collection[str]) -> Iterator[DroppedValue]:
    for name in names:
        if name not in AUTHORIZATION | _ADDED:
            yield DroppedValue("parameter", name[:_LONGEST], f"it is unknown{_perhaps(name, AUTHORIZATION)}")


def _acr_values(text: str, service: Service, ladder: AcrLevels) -> Iterator[DroppedValue]:
    wished = text.split()
    known = [ladder.names[level] for level in sorted(ladder.names)]
    used = [level for word in wished if (level := ladder.level(word)) is not None]
    lowest = max(service.level, min(used, default=service.level))
    for word in wished:
        if ladder.level(word) is None:
            effect = f"the request asks for level {ladder.names.get(lowest, lowest.name.lower())}"
            perhaps = _perhaps(word, known) or f"; known are {', '.join(known)}"
            yield DroppedValue("acr_values", word[:_LONGEST], f"it is unknown, so that {effect}{perhaps}")


def _scope(text: str, service: Service) -> Iterator[DroppedValue]:
    for word in dict.fromkeys(text.split()):
        if word == OFFLINE_ACCESS:
            if not service.tokens.refresh:
                yield DroppedValue("scope", word, "this service is not registered for refresh tokens")
        elif word in CLAIMS:
            if word not in service.scopes:
                yield DroppedValue("scope", word, "this service is not registered for it")
        elif word != OPENID:
            known = [OPENID, OFFLINE_ACCESS, *CLAIMS]
            yield DroppedValue("scope", word[:_LONGEST], f"it is unknown{_perhaps(word, known)}")


def _claims(text: str, service: Service) -> Iterator[DroppedValue]:
    try:
        whole = strict_json(text) if text else {}
    except ValueError:
        return
    if not isinstance(whole, dict):
        return
    for place, requests in whole.items():
        if place not in DESTINATIONS:
            yield DroppedValue("claims", place[:_LONGEST], f"it is unknown{_perhaps(place, DESTINATIONS)}")
            continue
        for name in requests if isinstance(requests, dict) else ():
            claim = name.partition("#")[0]
            if claim == "verified_claims" or claim in PROTOCOL_CLAIMS or claim in service.claims:
                continue
            known = claim in _CLAIMS
            reason = "this service is not registered for it" if known else f"it is unknown{_perhaps(claim, _CLAIMS)}"
            yield DroppedValue("claims", f"{place}.{name[:_LONGEST]}", reason)


def _perhaps(word: str, known: Collection[str]) -> str:
    near = get_close_matches(word[:_LONGEST], sorted(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
