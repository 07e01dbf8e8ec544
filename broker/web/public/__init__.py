"""Public pages of the citizens' application that belong to no transaction.

`public_pages` serves home, help, policies, the list of services and the explainer of errors. `error_handlers` turns
exceptions that reach Starlette, unknown paths and rejected headers into pages.
"""

from broker.web.public.error_handlers import SHEETS as ERROR_SHEETS
from broker.web.public.error_handlers import handlers, header_error_handler
from broker.web.public.public_pages import SHEETS as PUBLIC_SHEETS
from broker.web.public.public_pages import public_routes
from broker.web.shared.pages import PageTemplate

SHEETS: tuple[PageTemplate, ...] = (*PUBLIC_SHEETS, *ERROR_SHEETS)

__all__ = ["SHEETS", "handlers", "header_error_handler", "public_routes"]
