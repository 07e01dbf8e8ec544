"""Public pages of the citizens' application that belong to no transaction.

`public_pages` serves home, help, policies, the list of services and the explainer of errors, `open_data` the numbers
about help from a person, `performance` those about sign-ins, `status` what did not work, `statements_pages` privacy,
accessibility and rules, `feedback` what people wrote. `error_handlers` turns errors
that reach Starlette, unknown paths and rejected headers into pages.
"""

from broker.web.public.error_handlers import SHEETS as ERROR_SHEETS
from broker.web.public.error_handlers import ErrorPages, handlers, header_error_handler
from broker.web.public.feedback import SHEET as FEEDBACK
from broker.web.public.feedback import feedback_routes
from broker.web.public.open_data import SHEET as OPEN_DATA
from broker.web.public.open_data import open_data_routes
from broker.web.public.performance import SHEET as PERFORMANCE
from broker.web.public.performance import performance_routes
from broker.web.public.public_pages import SHEETS as PUBLIC_SHEETS
from broker.web.public.public_pages import public_routes
from broker.web.public.statements_pages import SHEETS as STATEMENTS
from broker.web.public.statements_pages import statement_routes
from broker.web.public.status import SHEET as STATUS
from broker.web.public.status import status_routes
from broker.web.shared.pages import PageTemplate

SHEETS: tuple[PageTemplate, ...] = (
    *PUBLIC_SHEETS,
    OPEN_DATA,
    PERFORMANCE,
    STATUS,
    *STATEMENTS,
    FEEDBACK,
    *ERROR_SHEETS,
)

__all__ = [
    "SHEETS",
    "ErrorPages",
    "feedback_routes",
    "handlers",
    "header_error_handler",
    "open_data_routes",
    "performance_routes",
    "public_routes",
    "statement_routes",
    "status_routes",
]
