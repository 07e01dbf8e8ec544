"""Activity of an account in the last twelve months, from the audit record. It is shown after a fresh sign-in only."""

from dataclasses import dataclass
from typing import Final

from broker.account.activity import YEAR, Activity, activity
from broker.actions.account.own import HOME, OwnAccount, OwnContext, open_account
from broker.actions.browser import Browser
from broker.model.service import Service
from broker.provider import ProviderInfo

PATH: Final = f"{HOME}/activity"


@dataclass(frozen=True, slots=True)
class SeenActivity:
    """One thing that happened, with its service and provider as configured now; None if they are not."""

    activity: Activity
    service: Service | None
    card: ProviderInfo | None


@dataclass(frozen=True, slots=True)
class ActivityView:
    """What happened in the account, the latest first; nothing is read unless the account was proved recently."""

    own: OwnAccount
    listed: tuple[SeenActivity, ...] = ()


async def view_activity(context: OwnContext, browser: Browser) -> ActivityView | None:
    """Returns the activity of the browser's account, or None if the browser is not signed in."""
    own = await open_account(context.sign_in, browser)
    if own is None or not own.fresh:
        return None if own is None else ActivityView(own)
    rows = await context.activity.of_account(own.id, context.sign_in.system.now() - YEAR)
    services, card = context.sign_in.registry.services, context.sign_in.card
    found = [one for one in map(activity, rows) if one is not None]
    return ActivityView(
        own, tuple(SeenActivity(one, services.get(one.client_id or ""), card(one.provider or "")) for one in found)
    )
