"""Endpoints of relying services: OpenID Connect, OAuth 2.0, CIBA, logout and client registration.

`browser_endpoints` serves the two endpoints that a browser visits, /authorize and /logout, with pages.
`client_endpoints` serves those that services call (token, PAR, CIBA, userinfo, introspection, revocation, metadata,
keys): it parses the call strictly, runs one action of `broker.actions.endpoints`, and `json_responses` writes the
result or the error. `registration` adds RFC 7591, `check_session_iframe` Session Management, `cors` opens responses to
single-page applications. `error_log` records every protocol error in the log, the metrics and the inspector.
"""

from broker.web.services.client_endpoints import routes

__all__ = ["routes"]
