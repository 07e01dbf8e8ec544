"""The `acr` of a request and of its ID token: which level is demanded, and which name answers it."""

from collections.abc import Mapping
from typing import Any

from broker.model.assurance import AcrLevels, Level
from broker.model.service import Service
from broker.oidc.errors import ProtocolError


def requested_level(acr_values: str, claims: Mapping[str, Any], service: Service, ladder: AcrLevels) -> Level:
    """The lowest level that may be answered (OpenID Connect Core 3.1.2.1, 5.5.1.1).

    `acr_values` and an `acr` that is not essential are voluntary: unknown names are ignored, the lowest known level is
    the minimum, unless the service is registered as stating a preference only. An essential `acr` of which no value is
    known can never be met: raises ProtocolError with `unmet_authentication_requirements`. The service's own level is
    the
    floor.
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


def answered_acr(level: Level, claims: Mapping[str, Any], ladder: AcrLevels) -> str:
    """The `acr` of an ID token whose sign-in reached `level`.

    If the request names an essential `acr`, the answer is one of its values (Core 5.5.1.1): the highest that was
    reached. Else it is the level itself.
    """
    reached = [asked for asked in _known(_essential(claims), ladder) if asked <= level]
    return ladder.acr(max(reached, default=level))


def _essential(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of an essential `acr`; empty for one without a value, which asks for the claim alone."""
    return _named(claims) if (claims.get("id_token", {}).get("acr") or {}).get("essential") else ()


def _named(claims: Mapping[str, Any]) -> tuple[str, ...]:
    request = claims.get("id_token", {}).get("acr") or {}
    return tuple(str(name) for name in ([request["value"]] if "value" in request else request.get("values", ())))


def _known(names: tuple[str, ...], ladder: AcrLevels) -> tuple[Level, ...]:
    levels = [ladder.level(name) for name in names]
    return tuple(level for level in levels if level is not None)
