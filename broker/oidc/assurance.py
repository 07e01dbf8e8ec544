"""Which level a request demands: `acr_values`, an `acr` in the `claims` parameter, and the service's own floor."""

from collections.abc import Mapping
from typing import Any

from broker.model.assurance import Ladder, Level
from broker.model.service import Service
from broker.oidc.errors import Refusal


def demanded(acr_values: str, claims: Mapping[str, Any], service: Service, ladder: Ladder) -> dict[str, Any]:
    """The fields `minimum`, `acr_values` and `essential_acr` of a request (OpenID Connect Core 3.1.2.1, 5.5.1.1).

    `acr_values` and an `acr` that is not essential are voluntary: names nobody knows are ignored, the lowest known
    level is the minimum, unless the service is registered as stating a preference only. An essential `acr` of which no
    value is known can never be met: raises Refusal with `unmet_authentication_requirements`. The service's own level
    is the floor.
    """
    voluntary = tuple(dict.fromkeys(acr_values.split()))
    request = claims.get("id_token", {}).get("acr") or {}
    named = tuple(str(name) for name in ([request["value"]] if "value" in request else request.get("values", ())))
    essential = bool(request.get("essential")) and bool(named)
    if essential:
        levels = _known(named, ladder)
        if not levels:
            raise Refusal(
                "unmet_authentication_requirements",
                "none of the demanded acr values is known here",
                f"acr {named!r:.200}",
            )
        return {"minimum": max(service.level, min(levels)), "acr_values": named, "essential_acr": True}
    wished = voluntary or named
    levels = () if service.acr_is_preference else _known(wished, ladder)
    return {"minimum": max(service.level, min(levels, default=service.level)), "acr_values": wished}


def _known(names: tuple[str, ...], ladder: Ladder) -> tuple[Level, ...]:
    levels = [ladder.level(name) for name in names]
    return tuple(level for level in levels if level is not None)
