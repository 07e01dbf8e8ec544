"""The catalogues of pages are complete, and their pages are small and hold nothing that the policy forbids."""

import gzip
import re
from functools import cache
from typing import cast

import pytest

from broker.actions.upstream_logout import UpstreamLogoutContext
from broker.web.citizens.framed_logout import framed_logout_routes
from broker.web.shared.static_files import BUILT
from tests.unit.web.catalogue import Catalogue
from tests.unit.web.shown_pages import LONG, Shown, without_entry
from tests.unit.web.staff_catalogue import ROUTES, StaffCatalogue

pytestmark = pytest.mark.slow

NO_PAGES = {
    "/callback/{provider}": "redirects to the page of the transaction",
    "/journey/{handle}/appointment.ics": "a calendar file",
    "/signed-out": "redirects to the page of the sign-out",
    "/signed-out/{handle}/services": "redirects within a hidden frame",
    "/open-data/assisted-verification.csv": "a table",
    "/open-data/assisted-verification.json": "a table",
    "/performance/figures.csv": "a table",
    "/performance/figures.json": "a table",
    "/performance/figures.csv-metadata.json": "a data dictionary",
    "/performance/feed.atom": "a feed",
    "/status/feed.atom": "a feed",
    "/account/activity.csv": "a table",
    "/account/activity.json": "a table",
    "/account/data.json": "a file of data",
    "/developers": "redirects to the page of the services that are tried out",
    "/.well-known/security.txt": "a file of text",
}
"""Routes with GET that answer with something else than a page to read."""
NO_STAFF_PAGES = {
    "/cases/{case}/evidence": "redirects to the form of a new piece",
    "/sign-in/go": "redirects to the provider of staff",
    "/reports.csv": "a table",
    "/quality.csv": "a table",
    "/audit-keys.json": "a JWK Set",
    "/exports/{export}/audit.jsonl": "rows of the audit record",
    "/exports/{export}/audit.jws": "a signature",
    "/cases/{case}/files/{file}": "a photograph or a video",
    "/quality/{sample}/files/{file}": "a photograph or a video",
    "/tasks/{task}/images/{place}/{number}": "a photograph",
}

LOADED, PAGE = 15 * 1024, 30 * 1024
"""Bytes at most of a page of a transaction and its style sheet, both with gzip, and of any page with its style sheet
if only that is compressed."""


def test_every_route_with_get_has_a_page_in_the_catalogue(catalogue: Catalogue) -> None:
    assert without_entry(catalogue.routes, catalogue.shown, NO_PAGES) == []


def test_every_route_of_the_console_with_get_has_a_page_in_the_catalogue(staff_catalogue: StaffCatalogue) -> None:
    assert without_entry(ROUTES, staff_catalogue.shown, NO_STAFF_PAGES) == []


def test_every_template_is_shown(catalogue: Catalogue) -> None:
    assert catalogue.recording.unused == []


def test_every_template_of_the_console_is_shown(staff_catalogue: StaffCatalogue) -> None:
    assert staff_catalogue.recording.unused == []


def test_the_page_in_the_frame_of_a_provider_is_the_one_that_the_catalogue_has(catalogue: Catalogue) -> None:
    [framed] = framed_logout_routes(catalogue.door, cast(UpstreamLogoutContext, None))
    assert framed.path == "/providers/{provider}/frontchannel-logout"
    assert any(one.name == "services out" for one in catalogue.shown)


@cache
def packed_style() -> int:
    """The size of the compressed style sheet."""
    return len(gzip.compress((BUILT / "portico.css").read_bytes(), 9))


def test_no_page_is_large(catalogue: Catalogue) -> None:
    too_large = [one.name for one in catalogue.shown if len(one.html.encode()) + packed_style() > PAGE]
    of_journeys = [one for one in catalogue.shown if one.route.startswith("/journey/")]
    assert len(of_journeys) > 300
    too_large += [one.name for one in of_journeys if len(gzip.compress(one.html.encode())) + packed_style() > LOADED]
    assert too_large == []


def forbidden(one: Shown) -> list[str]:
    """What the Content-Security-Policy would block in a page: inline styles and scripts, and files of others."""
    html = one.html
    found = re.findall(r"<[^>]*\s(?:style|on\w+)=|<(?:style|object|embed|base|meta http-equiv)\b|javascript:", html)
    found += [tag for tag in re.findall(r"<script[^>]*>", html) if "src=" not in tag]
    sources = re.findall(r'<(?:link|script|img|video)[^>]*(?:href|src)="([^"]*)"', html)
    return found + [source for source in sources if not re.match(r"/(static|cases|quality|tasks)/", source)]


def test_no_page_holds_what_the_policy_forbids(catalogue: Catalogue) -> None:
    assert [(one.name, found) for one in catalogue.shown if (found := forbidden(one))] == []


def test_no_page_of_the_console_holds_what_the_policy_forbids(staff_catalogue: StaffCatalogue) -> None:
    assert [(one.name, found) for one in staff_catalogue.shown if (found := forbidden(one))] == []


def test_a_long_name_has_eighty_letters() -> None:
    assert len(LONG) == 80
    assert " " not in LONG


FIELDS = re.compile(r'<(?:(?:input|select|textarea|button)\b[^>]*|[^>]*(?=[^>]*tabindex="-1"))\sid="([^"]*)"')
SUMMARY = re.compile(r'<div class="govuk-error-summary.*?</ul>', re.S)


def links_to_nothing(one: Shown) -> list[str]:
    """The links of an error summary that lead to nothing that can have the focus."""
    known = {"main-content", *FIELDS.findall(one.html)}
    found = SUMMARY.search(one.html)
    return [] if found is None else [at for at in re.findall('href="#([^"]*)"', found[0]) if at not in known]


def test_what_was_wrong_has_the_focus_and_leads_to_its_field(
    catalogue: Catalogue, staff_catalogue: StaffCatalogue
) -> None:
    shown = [one for one in (*catalogue.shown, *staff_catalogue.shown) if "govuk-error-summary" in one.html]
    assert len(shown) > 100
    assert [one.name for one in shown if not re.search('govuk-error-summary"[^>]* autofocus', one.html)] == []
    assert [(one.name, found) for one in shown if (found := links_to_nothing(one))] == []
