"""SCIM 2.0 (RFC 7643, RFC 7644) for the operator's directory, on the listener of the console.

`resources` are the users and groups that are served, `discovery` what the server can do, `server` the routes, `call`
the form of a request and its answers. Users are members of staff; groups are the five roles, whose members the
directory asks for and an admin approves. Imported only if `[scim]` is configured: the package scim2-models, with
Pydantic, takes seconds to load.
"""

from broker.web.scim.call import ScimServer
from broker.web.scim.server import scim_routes

__all__ = ["ScimServer", "scim_routes"]
