"""Levels of assurance: how one is requested from a provider, and which one its response has reached.

A provider may say how strongly it identified a person (`level_answer`) and how strongly the person authenticated
(`credential_answer`) at two places. The lower one counts. A value that is missing or unknown is never a level.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from broker.model.assurance import Level
from providers.openid.claim_paths import compile_path
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import LevelAnswer, LevelComparison, LevelPlace
from providers.openid.describe import describe_identifier
from providers.openid.documents import Documents, document_of
from providers.openid.errors import UpstreamError, UpstreamFault

MAX_VECTOR: Final = 100
MAX_WORDS: Final = 500
"""Maximum length of a value that lists several levels."""
_COMPONENT: Final = re.compile(r"([A-Z])([a-z]|[0-9])", re.ASCII)


def level_parameters(config: OpenIdConfig, level: Level) -> Mapping[str, str] | None:
    """The parameters that request at least this level; None if no value would reach it.

    Parameters of a place that has other content too (`scope`, `claims`) are complete.
    """
    place, values = config.level_request.place, config.acr_values or config.level_request.values
    plain = {"claims": config.claims_request} if config.claims_request else {}
    if not values:
        return plain
    enough = [asked for asked in values if asked >= level]
    if not enough:
        return None
    value = values[min(enough)]
    match place:
        case LevelPlace.ACR_VALUES:
            return {**plain, "acr_values": value}
        case LevelPlace.VTR:
            return {**plain, "vtr": value}
        case LevelPlace.PARAMETER:
            return {**plain, config.level_request.parameter: value}
        case LevelPlace.SCOPE:
            return {**plain, "scope": " ".join((*config.scopes, value))}
        case LevelPlace.CLAIMS:
            return {"claims": _with_acr(config.claims_request, value.split(" "))}


def _with_acr(claims_request: str, values: list[str]) -> str:
    """The `claims` parameter with an essential `acr` (OpenID Connect Core 5.5.1.1)."""
    claims = json.loads(claims_request) if claims_request else {}
    asked = {"essential": True, "values": values}
    return json.dumps({**claims, "id_token": {**claims.get("id_token", {}), "acr": asked}}, separators=(",", ":"))


class LevelReader:
    """Reads the level that a response has reached."""

    def __init__(self, config: OpenIdConfig, highest: Level) -> None:
        """`highest` is the level for which the provider is registered."""
        self._missing = config.acr_missing
        self._highest = highest
        self._identity = _reader(config.level_answer, config.levels)
        credential = config.credential_answer
        self._credential = None if credential is None else _reader(credential, config.credential_levels)

    def reached(self, documents: Documents, now: int) -> Level:
        """The lower one of both levels, at most the registered one. Raises UpstreamError.

        A missing value is an incomplete response unless the configuration gives it a level; an unknown one is rejected.
        """
        level = self._identity(documents, now)
        if level is None:
            if self._missing is None:
                raise UpstreamError(UpstreamFault.LEVEL_MISSING, "the level is missing")
            level = self._missing
        if self._credential is not None:
            credential = self._credential(documents, now)
            if credential is None:
                raise UpstreamError(UpstreamFault.LEVEL_MISSING, "the level of the authentication is missing")
            level = min(level, credential)
        return min(level, self._highest)


_LevelOf = Callable[[Documents, int], Level | None]


def _reader(answer: LevelAnswer, levels: Mapping[str, Level]) -> _LevelOf:
    """The reader of one value. Its result is None if the value is missing."""
    place, read, compare = document_of(answer.place), compile_path(answer.claim), _COMPARISONS[answer.compare]
    framework = answer.vtm

    def level(documents: Documents, now: int) -> Level | None:
        document = place(documents)
        value = read(document, now)
        if value is None:
            return None
        if framework is not None and document.get("vtm") != framework:
            found = describe_identifier(document.get("vtm"))
            raise UpstreamError(UpstreamFault.LEVEL_UNKNOWN, f"vtm {found} is not the configured trust framework")
        known = compare(value, levels)
        if known is None:
            raise UpstreamError(
                UpstreamFault.LEVEL_UNKNOWN, f"{answer.claim} {describe_identifier(value)} is not known"
            )
        return known

    return level


def _mapped(value: object, levels: Mapping[str, Level]) -> Level | None:
    return levels.get(value) if isinstance(value, str) else None


def _words(value: object, levels: Mapping[str, Level]) -> Level | None:
    """The highest level of the words in a text."""
    words = value.split(" ") if isinstance(value, str) and len(value) <= MAX_WORDS else ()
    return max((levels[word] for word in words if word in levels), default=None)


def _vector(value: object, levels: Mapping[str, Level]) -> Level | None:
    """The highest level whose vector is contained in this one (RFC 8485 3)."""
    components = _components(value) if isinstance(value, str) else None
    if components is None:
        return None
    reached = [level for vector, level in levels.items() if _contains(components, _components(vector) or frozenset())]
    return max(reached, default=None)


def _components(vector: str) -> frozenset[tuple[str, str]] | None:
    """The components of a vector, in any order; None for a text that is no vector."""
    found = [_COMPONENT.fullmatch(part) for part in vector[:MAX_VECTOR].split(".")]
    if len(vector) > MAX_VECTOR or not all(found):
        return None
    return frozenset((one[1], one[2]) for one in found if one is not None)


def _contains(reached: frozenset[tuple[str, str]], wanted: frozenset[tuple[str, str]]) -> bool:
    """Whether each wanted component was reached: a letter as it is, a number also by a higher one."""
    return bool(wanted) and all(
        (name, value) in reached
        or (value.isdecimal() and any(name == other and more.isdecimal() and more > value for other, more in reached))
        for name, value in wanted
    )


_COMPARISONS: Final[Mapping[LevelComparison, Callable[[object, Mapping[str, Level]], Level | None]]] = {
    LevelComparison.MAP: _mapped,
    LevelComparison.WORDS: _words,
    LevelComparison.VECTOR: _vector,
}
