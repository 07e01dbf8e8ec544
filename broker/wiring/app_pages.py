"""The pages of the two applications."""

from collections.abc import Sequence

from broker.settings import BrokerSettings, Settings
from broker.web import citizens, public
from broker.web.shared.i18n import languages
from broker.web.shared.pages import PageRenderer, PageTemplate, page_renderer
from broker.web.shared.site_info import SiteInfo
from broker.web.shared.static_files import Statics, statics

STAFF_LANGUAGES = ("en", "cy")
"""The languages of the console."""


def compile_pages(settings: Settings, *, staff: bool) -> None:
    """Compiles the pages of the public application, and with `staff` those of the other, into the process's cache.

    A process that forks does so first: its children then compile none.
    """
    public_pages(settings.broker, statics())
    if staff:
        staff_pages(settings.broker, statics("console"))


def public_pages(broker: BrokerSettings, files: Statics) -> PageRenderer:
    """The pages of the public application."""
    engineers = citizens.DEVELOPER_SHEETS if broker.dynamic_registration else ()
    return site_pages(broker, broker.issuer, broker.languages, files, (*citizens.SHEETS, *public.SHEETS, *engineers))


def staff_pages(broker: BrokerSettings, files: Statics) -> PageRenderer:
    """The pages of the console."""
    from broker.web import staff  # here, since a worker of the public listener needs none of it

    return site_pages(broker, broker.console, STAFF_LANGUAGES, files, staff.SHEETS, console=True)


def site_pages(
    broker: BrokerSettings,
    origin: str,
    codes: tuple[str, ...],
    files: Statics,
    sheets: Sequence[PageTemplate],
    *,
    console: bool = False,
) -> PageRenderer:
    """The pages of one application: its own origin, its languages, its style sheet. `console`: with texts for staff."""
    site = SiteInfo(
        issuer=origin,
        name=broker.name,
        support=broker.support,
        zone=broker.time_zone,
        languages=codes,
        region=broker.region,
        accounts=broker.accounts.enabled,
    )
    spoken = languages(site.languages, site.zone, console=console)
    return page_renderer(spoken, site, sheets, files, on_demand=broker.development)
