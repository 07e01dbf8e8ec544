"""Release of claims to a service: limited to its request, its registration and the citizen's consent."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.model.request import AuthorizationRequest
from broker.model.service import Service


@dataclass(frozen=True, slots=True)
class ConsentItem:
    """Claim on the consent page: its value, and the service's reason by language."""

    claim: str
    value: object
    reason: Mapping[str, str]


def consent_items(identity: Identity, request: AuthorizationRequest, service: Service) -> tuple[ConsentItem, ...]:
    """Selects the claims to release, in the order of the service's registration.

    A claim without a value is omitted: an empty value would be a false statement (OpenID Connect Core 5.3.2).
    """
    return tuple(
        ConsentItem(use.claim, identity.claims[use.claim], use.reason)
        for use in service.claim_purposes
        if use.claim in request.requested_claims and identity.claims.get(use.claim) not in (None, "")
    )


def released_claims(identity: Identity, request: AuthorizationRequest, service: Service) -> JsonObject:
    """Claims to send to the service once the citizen agreed."""
    return {item.claim: item.value for item in consent_items(identity, request, service)}


def consent_required(
    before: tuple[str, ...] | None, identity: Identity, request: AuthorizationRequest, service: Service
) -> bool:
    """Whether the citizen must be asked: the first time, and if more claims would be sent than before.

    `before` names the claims that the citizen agreed to for this service, None if there was no release yet.
    """
    if before is None:
        return True
    return not released_claims(identity, request, service).keys() <= set(before)
