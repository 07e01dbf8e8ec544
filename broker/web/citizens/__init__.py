"""Pages of a transaction for citizens, and the forms on them.

`request` reads a request: cookies, language, CSRF-checked form. `journey` routes the transaction's own page: it calls
an action, which returns a view; `view_pages` turns the view into a page with the texts of `failure_texts`,
`ending_texts` and `case_status_page`, the providers of `provider_choices`, the steps of `next_steps` and the claims of
`claim_labels`. Every POST and every callback ends with 303 to that page.

Pages beside it: `info_pages` (about a provider, what the citizen has, which claims), `help_pages` with `help_form`
and `appointment_pages` (assisted verification), `binding_pages` (an approved case), `redress_pages` (a declined one),
`resume_pages` (continuation code), `backchannel_pages` (CIBA), `freeze_page` (stop an identity), `rate_limit_page`;
after signing out `logout_pages` and `provider_logout_page`, `framed_logout` in a provider's frame, and
`session_watch`, which frames a provider's page. The citizen's account: `own_pages` has its first page,
`account_pages` the ways, `own_activity`, `own_services`, `own_sessions`, `own_wrong` and `kept_pages` the rest;
`link_page` links a second way to it, and `initiated_login` starts a sign-in that a provider begins. `passkey_pages`
ask the browser for a passkey.
"""

from starlette.routing import Route

from broker.actions.account.own import OwnContext
from broker.web.citizens import (
    account_pages,
    appointment_pages,
    backchannel_pages,
    case_status_page,
    developer_pages,
    freeze_page,
    help_pages,
    info_pages,
    initiated_login,
    kept_pages,
    link_page,
    logout_pages,
    open_case_pages,
    own_activity,
    own_data,
    own_pages,
    own_services,
    own_sessions,
    own_wrong,
    passkey_pages,
    rate_limit_page,
    redress_pages,
    resume_pages,
    session_watch,
    upload_pages,
    view_pages,
)
from broker.web.citizens.account_pages import account_routes
from broker.web.citizens.appointment_pages import appointment_routes
from broker.web.citizens.backchannel_pages import backchannel_routes
from broker.web.citizens.binding_pages import binding_routes
from broker.web.citizens.freeze_page import freeze_routes
from broker.web.citizens.help_pages import help_routes
from broker.web.citizens.info_pages import info_routes
from broker.web.citizens.initiated_login import initiated_login_routes
from broker.web.citizens.journey import journey_routes
from broker.web.citizens.kept_pages import kept_routes
from broker.web.citizens.open_case_pages import open_case_routes
from broker.web.citizens.own_activity import own_activity_routes
from broker.web.citizens.own_data import own_data_routes
from broker.web.citizens.own_pages import own_routes
from broker.web.citizens.own_services import own_service_routes
from broker.web.citizens.own_sessions import own_session_routes
from broker.web.citizens.own_wrong import own_wrong_routes
from broker.web.citizens.passkey_pages import passkey_routes
from broker.web.citizens.redress_pages import redress_routes
from broker.web.citizens.request import CitizenApp
from broker.web.citizens.resume_pages import resume_routes
from broker.web.citizens.upload_pages import upload_limits, upload_routes
from broker.web.shared.pages import PageTemplate

SHEETS: tuple[PageTemplate, ...] = (
    *view_pages.SHEETS,
    *case_status_page.SHEETS,
    *freeze_page.SHEETS,
    *help_pages.SHEETS,
    *upload_pages.SHEETS,
    *appointment_pages.SHEETS,
    *open_case_pages.SHEETS,
    *rate_limit_page.SHEETS,
    *redress_pages.SHEETS,
    *resume_pages.SHEETS,
    *backchannel_pages.SHEETS,
    *info_pages.SHEETS,
    *account_pages.SHEETS,
    *kept_pages.SHEETS,
    *own_pages.SHEETS,
    *own_activity.SHEETS,
    *own_data.SHEETS,
    *own_services.SHEETS,
    *own_sessions.SHEETS,
    *own_wrong.SHEETS,
    *initiated_login.SHEETS,
    *link_page.SHEETS,
    *logout_pages.SHEETS,
    *session_watch.SHEETS,
    *passkey_pages.SHEETS,
)


DEVELOPER_SHEETS = developer_pages.SHEETS
"""The pages for engineers, of a broker at which services register themselves."""


def citizen_routes(app: CitizenApp) -> list[Route]:
    """Every route of the citizens' application but the public pages; the most requested come first."""
    return [
        *journey_routes(app),
        *passkey_routes(app),
        *help_routes(app),
        *binding_routes(app),
        *redress_routes(app),
        *upload_routes(app),
        *appointment_routes(app),
        *open_case_routes(app),
        *resume_routes(app),
        *backchannel_routes(app),
        *info_routes(app),
        *initiated_login_routes(app),
    ]


def own_account_routes(app: CitizenApp, context: OwnContext) -> list[Route]:
    """The routes of the citizen's account, but for what is kept with passkeys."""
    return [
        *own_routes(app),
        *account_routes(app),
        *own_service_routes(app, context),
        *own_session_routes(app, context),
        *own_activity_routes(app, context),
        *own_wrong_routes(app, context),
        *own_data_routes(app, context),
    ]


__all__ = [
    "DEVELOPER_SHEETS",
    "SHEETS",
    "CitizenApp",
    "citizen_routes",
    "freeze_routes",
    "kept_routes",
    "own_account_routes",
    "upload_limits",
]
