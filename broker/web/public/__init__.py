"""The pages that belong to nobody's journey: help, what we promise, what an error means, and what is not there."""

from broker.web.public.client_directory import SHEETS as REGISTER
from broker.web.public.error_explainer import SHEETS as EXPLAINER
from broker.web.public.error_handlers import SHEETS as ERRORS
from broker.web.public.error_handlers import handlers, head_refused
from broker.web.public.static_pages import SHEETS as READING
from broker.web.public.static_pages import public_routes
from broker.web.shared.pages import PageTemplate

SHEETS: tuple[PageTemplate, ...] = (*READING, *EXPLAINER, *REGISTER, *ERRORS)

__all__ = ["SHEETS", "handlers", "head_refused", "public_routes"]
