"""What a service may be told about a citizen: only what it asked for, is registered for, and the citizen agreed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.model.identity import Identity
from broker.model.request import AuthorizationRequest
from broker.model.service import Service


@dataclass(frozen=True, slots=True)
class ConsentItem:
    """One claim for one service: its value, and by language why the service wants it."""

    claim: str
    value: Any
    reason: Mapping[str, str]


def consent_items(identity: Identity, request: AuthorizationRequest, service: Service) -> tuple[ConsentItem, ...]:
    """What would go to the service, in the order in which its registration lists it.

    A claim that is unknown is left out: an empty value would say something nobody has said (OpenID Connect Core 5.3.2).
    """
    return tuple(
        ConsentItem(use.claim, identity.claims[use.claim], use.reason)
        for use in service.claim_purposes
        if use.claim in request.requested_claims and identity.claims.get(use.claim) not in (None, "")
    )


def released_claims(identity: Identity, request: AuthorizationRequest, service: Service) -> Mapping[str, Any]:
    """The claims that go to the service once the citizen agreed."""
    return {item.claim: item.value for item in consent_items(identity, request, service)}


def consent_required(
    before: tuple[str, ...] | None, identity: Identity, request: AuthorizationRequest, service: Service
) -> bool:
    """Whether the citizen must be asked: the first time, and whenever more would go out than ever before.

    `before` names the claims agreed to earlier for this service, None where nothing was ever shared with it.
    """
    if before is None:
        return True
    return not released_claims(identity, request, service).keys() <= set(before)
