"""The pages that belong to nobody's journey: help, what we promise, what an error means, and what is not there."""

from broker.web.pages import Sheet
from broker.web.public.errors import SHEETS as ERRORS
from broker.web.public.errors import handlers, head_refused
from broker.web.public.explainer import SHEETS as EXPLAINER
from broker.web.public.reading import SHEETS as READING
from broker.web.public.reading import public_routes
from broker.web.public.register import SHEETS as REGISTER

SHEETS: tuple[Sheet, ...] = (*READING, *EXPLAINER, *REGISTER, *ERRORS)

__all__ = ["SHEETS", "handlers", "head_refused", "public_routes"]
