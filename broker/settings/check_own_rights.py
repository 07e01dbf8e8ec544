"""Checks of what a service may do in its own name."""

from collections.abc import Iterator

from broker.model.own_rights import OwnScope
from broker.model.service import Service
from broker.platform.toml_loader import Problem
from broker.settings.check_context import CheckContext


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
