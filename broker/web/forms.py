"""What was sent to a page of ours, read strictly: a query, or a form if it is the person's own doing."""

from collections.abc import Mapping

from starlette.requests import Request

from broker.oidc.forms import Unreadable, read_form, read_query
from broker.web import asked, csrf


async def own_form(
    request: Request, marks: csrf.Marks, secrets: tuple[str, ...], place: str, origin: str
) -> Mapping[str, str] | None:
    """The fields of the form, or None if it cannot be read or cannot be shown to come from the person's own page.

    `secrets` are the browser's, `place` is what the form's token was made for, `origin` is our own.
    """
    if not csrf.from_here(asked.header(request, b"sec-fetch-site"), asked.header(request, b"origin"), origin):
        return None
    try:
        form = read_form(await request.body(), asked.kind(request))
    except Unreadable:
        return None
    return form if csrf.token_holds(marks, secrets, place, form.get(csrf.FIELD, "")) else None


def query(request: Request) -> Mapping[str, str] | None:
    """The query's parameters, each once, or None for a query that cannot be read in one way only."""
    try:
        return read_query(request.scope["query_string"])
    except Unreadable:
        return None
