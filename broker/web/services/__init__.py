"""The services' door: the OpenID Connect endpoints that relying services and their libraries call."""

from broker.web.services.client_endpoints import routes

__all__ = ["routes"]
