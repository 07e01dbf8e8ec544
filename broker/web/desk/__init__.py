"""Proofing agent API for partner desks, at `/desk/v1`: JSON, problem details (RFC 9457), and its OpenAPI document.

`operations` is the table of the calls; `openapi` makes the document from it and from the tables that check what is
sent; `routes` authenticates, checks and answers.
"""

from broker.web.desk.routes import desk_routes as desk_routes
from broker.web.desk.routes import file_limits as file_limits
