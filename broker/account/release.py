"""Release of claims to a service: limited to its request, its registration and the citizen's consent."""

from collections.abc import Collection
from dataclasses import dataclass

from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.model.request import AuthorizationRequest
from broker.model.service import ClaimPurpose, Service


@dataclass(frozen=True, slots=True)
class ConsentItem:
    """Claim on the consent page: what the service wants with it, its value, and whether the service received it
    before."""

    use: ClaimPurpose
    value: object
    shared_before: bool = False

    @property
    def claim(self) -> str:
        """The name of the claim."""
        return self.use.claim


def consent_items(identity: Identity, request: AuthorizationRequest, service: Service) -> tuple[ConsentItem, ...]:
    """Selects the claims to release, in the order of the service's registration.

    A claim without a value is omitted: an empty value would be a false statement (OpenID Connect Core 5.3.2).
    """
    return tuple(
        ConsentItem(use, identity.claims[use.claim])
        for use in service.claim_purposes
        if use.claim in request.requested_claims and identity.claims.get(use.claim) not in (None, "")
    )


def missing_claims(identity: Identity, request: AuthorizationRequest, service: Service) -> tuple[str, ...]:
    """Names of the claims that the request asks for and the registration allows, but the identity does not have."""
    found = {item.claim for item in consent_items(identity, request, service)}
    asked = (use.claim for use in service.claim_purposes if use.claim in request.requested_claims)
    return tuple(claim for claim in asked if claim not in found)


def released_claims(
    identity: Identity, request: AuthorizationRequest, service: Service, chosen: Collection[str]
) -> JsonObject:
    """Claims to send to the service once the citizen agreed; of the optional ones those that they have `chosen`."""
    return {
        item.claim: item.value
        for item in consent_items(identity, request, service)
        if not item.use.optional or item.claim in chosen
    }


def consent_required(
    before: tuple[str, ...] | None, identity: Identity, request: AuthorizationRequest, service: Service
) -> bool:
    """Whether the citizen must be asked: the first time, and if more claims would be sent than before.

    `before` names the claims that the citizen agreed to for this service, None if there was no release yet. Optional
    claims among the others are not sent, and ask for nothing: the citizen left them out, or was not asked for them.
    """
    if before is None:
        return True
    return not released_claims(identity, request, service, ()).keys() <= set(before)
