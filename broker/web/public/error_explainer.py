"""What an error means, for whoever follows `error_uri` (RFC 6749 4.1.2.1): a page for every class, the same for all.

It knows neither who asks nor what happened, so it can show nothing of anybody.
"""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from broker.model.failures import FAILURES, FailureClass
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenRequest
from broker.web.shared.page_response import PageResponse
from broker.web.shared.pages import PageTemplate

SHEETS = (
    PageTemplate("errors", "public/errors.html", {"tellings": FAILURE_TEXTS}),
    PageTemplate("explained", "public/explained.html", {"tellings": FAILURE_TEXTS, "kinds": FAILURES}),
)


async def explain_all(here: CitizenRequest) -> Response:
    """The list of all classes."""
    frame = here.frame()
    return here.answer(PageResponse("errors", base_context(frame)), frame)


async def explain(here: CitizenRequest) -> Response:
    """One class."""
    try:
        failure = FailureClass(here.request.path_params["failure"])
    except ValueError:
        raise HTTPException(404) from None
    frame = here.frame()
    return here.answer(PageResponse("explained", {**base_context(frame), "failure": failure.value}), frame)
