"""Checks of what a service may do in its own name."""

import re
from collections.abc import Iterator
from typing import Final

from broker.model.own_rights import OwnScope
from broker.model.service import Service
from broker.platform.toml_loader import Problem
from broker.settings.check_context import CheckContext
from broker.settings.urls import check_url

_LOCATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def check_own_scopes(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks the scopes that a service may request for itself (RFC 6749 4.4, FAPI 2.0 Security Profile 5.3.2.1)."""
    scopes = service.own.scopes
    if scopes and service.is_public:
        yield Problem("own_scopes", "an app does not authenticate, so it may request nothing for itself", "remove it")
    for i, scope in enumerate(scopes):
        if scope in scopes[:i]:
            yield Problem(f"own_scopes[{i}]", "the scope is listed twice", "remove it")
    if OwnScope.DESK in scopes and service.token_binding is None:
        fix = 'write binding = "dpop" or "mtls", or profile = "fapi2"'
        yield Problem("own_scopes", "a desk has no bearer tokens: its tokens must be bound to a key", fix)


def check_desk(service: Service, context: CheckContext) -> Iterator[Problem]:
    """Checks a partner desk: its counters, and where its events go."""
    own = service.own
    if not own.is_desk:
        for name in ("desk_locations", "desk_skills", "desk_events_uri"):
            if getattr(own, name):
                yield Problem(name, "the service is not a partner desk", f'add "{OwnScope.DESK}" to own_scopes')
        return
    if not context.desks:
        yield Problem("own_scopes", "partner desks are turned off", "write in broker.toml: [desk] enabled = true")
    if not own.desk_locations:
        yield Problem("desk_locations", "a desk needs at least one counter", "name them")
    for i, location in enumerate(own.desk_locations):
        if not _LOCATION.fullmatch(location.id):
            fix = "use at most 64 letters, digits, '.', '_' and '-'"
            yield Problem(f"desk_locations[{i}].id", "this cannot be the name of a counter", fix)
        if location.id in {one.id for one in own.desk_locations[:i]}:
            yield Problem(f"desk_locations[{i}].id", "the counter is listed twice", "remove it")
        if location.names and not (location.address and location.hours):
            fix = "write both, or remove the names"
            yield Problem(f"desk_locations[{i}].names", "citizens need the address and the hours as well", fix)
        for n, area in enumerate(location.areas):
            if sum(letter.isalnum() for letter in area) < 2:
                fix = 'write a town or the first part of a postcode, such as "AB1"'
                yield Problem(f"desk_locations[{i}].areas[{n}]", "citizens cannot type this place", fix)
    if own.desk_events_uri is not None:
        yield from check_url("desk_events_uri", own.desk_events_uri, development=context.development)
