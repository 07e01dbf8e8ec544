"""What an error means, for whoever follows `error_uri` (RFC 6749 4.1.2.1): a page for every class, the same for all.

It knows neither who asks nor what happened, so it can show nothing of anybody.
"""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from broker.model.failures import KINDS, FailureClass
from broker.web.citizens.frame import outer
from broker.web.citizens.tellings import TELLINGS
from broker.web.citizens.visit import Visit
from broker.web.pages import Sheet
from broker.web.shown import Shown

SHEETS = (
    Sheet("errors", "public/errors.html", {"tellings": TELLINGS}),
    Sheet("explained", "public/explained.html", {"tellings": TELLINGS, "kinds": KINDS}),
)


async def explain_all(here: Visit) -> Response:
    """The list of all classes."""
    frame = here.frame()
    return here.answer(Shown("errors", outer(frame)), frame)


async def explain(here: Visit) -> Response:
    """One class."""
    try:
        failure = FailureClass(here.request.path_params["failure"])
    except ValueError:
        raise HTTPException(404) from None
    frame = here.frame()
    return here.answer(Shown("explained", {**outer(frame), "failure": failure.value}), frame)
