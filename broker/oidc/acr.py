"""`acr` of a request and of its ID token: the requested level, and the value that reports the level reached."""

from collections.abc import Mapping

from broker.model.assurance import AcrLevels, Level
from broker.model.claims import ClaimRequests
from broker.model.json_types import JsonObject
from broker.model.service import Service
from broker.oidc.errors import ProtocolError


def requested_level(acr_values: str, claims: ClaimRequests, service: Service, ladder: AcrLevels) -> Level:
    """Minimum level of a request (OpenID Connect Core 3.1.2.1, 5.5.1.1).

    `acr_values` and a non-essential `acr` are voluntary: unknown values are ignored, and the lowest known level is the
    minimum, unless the service is registered as stating a preference only. Raises ProtocolError with
    `unmet_authentication_requirements` for an essential `acr` without any known value. The service's own level is the
    lower limit.
    """
    essential = _essential(claims)
    if essential:
        levels = _known(essential, ladder)
        if not levels:
            raise ProtocolError(
                "unmet_authentication_requirements",
                "none of the demanded acr values is known here",
                f"acr {essential!r:.200}",
            )
        return max(service.level, min(levels))
    wished = tuple(acr_values.split()) or _named(claims)
    levels = () if service.acr_is_preference else _known(wished, ladder)
    return max(service.level, min(levels, default=service.level))


def answered_acr(level: Level, claims: ClaimRequests, ladder: AcrLevels) -> str:
    """`acr` of an ID token for a sign-in that reached `level`.

    For an essential `acr` in the request, it is one of the requested values (Core 5.5.1.1): the highest that was
    reached. Otherwise it is the level itself.
    """
    reached = [asked for asked in _known(_essential(claims), ladder) if asked <= level]
    return ladder.acr(max(reached, default=level))


def _essential(claims: ClaimRequests) -> tuple[str, ...]:
    """Values of an essential `acr`; empty if it has no value, which only requests the claim."""
    return _named(claims) if _request(claims).get("essential") else ()


def _named(claims: ClaimRequests) -> tuple[str, ...]:
    request = _request(claims)
    several = request.get("values")
    return tuple(
        str(name)
        for name in ([request["value"]] if "value" in request else several if isinstance(several, list) else ())
    )


def _request(claims: ClaimRequests) -> JsonObject:
    request = claims.get("id_token", {}).get("acr")
    return request if isinstance(request, Mapping) else {}


def _known(names: tuple[str, ...], ladder: AcrLevels) -> tuple[Level, ...]:
    levels = [ladder.level(name) for name in names]
    return tuple(level for level in levels if level is not None)
