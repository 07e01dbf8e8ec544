"""Figures in the documents are those of the code: times, sizes, tries, cookies."""

import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.actions import backchannel_requests
from broker.actions.assisted import citizen, device_prompt
from broker.actions.outbox import pings
from broker.assisted.codes import CODE_DIGITS, PER_POSITION
from broker.assisted.deadlines import CasePolicy
from broker.crypto.client_jwks import COOL_DOWN, GRACE, MAX_MAX_AGE, MIN_MAX_AGE
from broker.crypto.jose.keys import MAX_KEY_SET, MAX_KEYS
from broker.model.handle import USER_CODE_ALPHABET
from broker.model.lifetimes import TokenLifetimes
from broker.oidc import ciba, ciba_request_object, logout_token
from broker.oidc.ciba import CibaLifetimes
from broker.server.process import DRAIN_DELAY
from broker.settings.reference import duration_text
from broker.web.inspector.exchange_log import KEPT
from broker.web.shared import cookies
from tests.documents.markdown import ROOT, rows, section, text
from tests.documents.test_names import in_code

DOCS = ROOT / "docs"
ASSISTED, OPERATING, PAGES = DOCS / "assisted.md", DOCS / "operating.md", DOCS / "pages.md"
SERVICES = DOCS / "for-services"
TERMS, TIMES = CasePolicy(), CibaLifetimes()
NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def hours(seconds: float) -> str:
    """A time as a number of hours."""
    return f"{seconds / 3600:g} hours"


def readable(length: int) -> str:
    """How the table of codes states a readable code."""
    return f"{length} letters and digits, {math.floor(length * math.log2(len(USER_CODE_ALPHABET)))} bits"


@dataclass(frozen=True, slots=True)
class Statement:
    """A text that a page must have, put together from the values of the code."""

    page: Path
    says: str


STATEMENTS = (
    Statement(ASSISTED, f"| draft | {hours(TERMS.draft)} |"),
    Statement(ASSISTED, f"| requested, and the wait in the queue | {duration_text(TERMS.requested)} from"),
    Statement(ASSISTED, f"| lease | {duration_text(TERMS.lease)},"),
    Statement(ASSISTED, f"| review | {TERMS.review // 3600} working hours |"),
    Statement(ASSISTED, f"| bind | {hours(TERMS.bind)}, {duration_text(TERMS.bind_by_post)} "),
    Statement(ASSISTED, f"| whole case | {duration_text(TERMS.max_duration)} |"),
    Statement(ASSISTED, f"| collect | {hours(TERMS.collect)} |"),
    Statement(ASSISTED, f"| redress | {duration_text(TERMS.redress)} "),
    Statement(ASSISTED, f"| reference | naming a case aloud | {citizen.REFERENCE_LENGTH} letters and digits |"),
    Statement(ASSISTED, f"| continuation code | coming back, in any browser | {readable(citizen.CODE_LENGTH)} |"),
    Statement(
        ASSISTED,
        f"| code of a question | opening a question on any device | {readable(backchannel_requests.CODE_LENGTH)} |",
    ),
    Statement(ASSISTED, f"| confirmation code | proving the address | {CODE_DIGITS} digits |"),
    Statement(
        ASSISTED,
        f"| {duration_text(TERMS.code_by_phone)} by phone, {hours(TERMS.code_by_email)} by email, "
        f"{duration_text(TERMS.code_by_post)} by post; {TERMS.max_code_attempts} tries in all |",
    ),
    Statement(ASSISTED, f"two of {PER_POSITION} words each"),
    Statement(ASSISTED, f"A question waits {NUMBERS[device_prompt.WAITS // 60]}\nminutes"),
    Statement(OPERATING, f'"not ready" for {NUMBERS[int(DRAIN_DELAY)]} seconds'),
    Statement(OPERATING, f"serves for {NUMBERS[int(GRACE // 3600)]} hours beyond its time"),
    Statement(SERVICES / "registering.md", f"up to {MAX_KEY_SET // 1024} KiB and {MAX_KEYS} keys"),
    Statement(SERVICES / "registering.md", f"from {duration_text(int(MIN_MAX_AGE))} to {hours(MAX_MAX_AGE)}"),
    Statement(SERVICES / "registering.md", f"for {NUMBERS[int(GRACE // 3600)]} hours beyond its time"),
    Statement(SERVICES / "registering.md", {60.0: "at most once a minute"}[COOL_DOWN]),
    Statement(SERVICES / "ciba.md", f"line of up to {ciba.LONGEST_MESSAGE} characters"),
    Statement(SERVICES / "ciba.md", f"{ciba.LEAST_TOKEN} to {ciba.LONGEST_TOKEN} characters"),
    Statement(SERVICES / "ciba.md", {3600: "up to an hour"}[TIMES.max] + f"; {duration_text(TIMES.default)} if"),
    Statement(SERVICES / "ciba.md", f"wait {TIMES.interval} seconds longer"),
    Statement(SERVICES / "ciba.md", f"`exp` within {ciba_request_object.LIFE // 60} minutes of `nbf`"),
    Statement(SERVICES / "ciba.md", f"tried {NUMBERS[pings.TERMS.retry.max_attempts or 0]} times"),
    Statement(SERVICES / "logout.md", f"for up to {NUMBERS[logout_token.TOLD_WITHIN // 3600]} hours"),
    Statement(SERVICES / "README.md", f"the code is older than {TokenLifetimes().code} seconds"),
    Statement(SERVICES / "README.md", f"the last {KEPT} exchanges"),
    Statement(SERVICES / "curl.md", f"You have {TokenLifetimes().code} seconds"),
    Statement(PAGES, f"up to {NUMBERS[cookies.SECRETS_KEPT]} secrets"),
)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: f"{statement.page.stem}: {statement.says}")
def test_a_page_states_the_figure_that_the_code_has(statement: Statement) -> None:
    assert statement.says in text(statement.page)


def test_the_table_of_cookies_names_every_cookie_of_the_citizens_side() -> None:
    documented = {in_code(row[0])[0] for row in rows(section(PAGES, "Cookies"))}
    assert documented == {
        cookies.BROWSER,
        cookies.SESSION,
        cookies.STATE,
        cookies.LANGUAGE,
        cookies.DEPARTED,
        cookies.ASKED,
        cookies.USED,
        cookies.LEFT,
        cookies.CODE,
    }


@pytest.mark.parametrize(
    ("cookie", "lives"),
    [
        (cookies.language("cy"), "a year"),
        (cookies.redirect_cookie("handle", "mark"), "a day"),
        (cookies.code("handle", "code"), "ten minutes"),
        (cookies.browser((), "secret"), "the browser's session"),
    ],
)
def test_the_table_of_cookies_says_how_long_each_lives(cookie: str, lives: str) -> None:
    documented = {in_code(row[0])[0]: row[2] for row in rows(section(PAGES, "Cookies"))}
    name, _, attributes = cookie.partition("=")
    ages = {"a year": 365 * 86400, "a day": 86400, "ten minutes": 600}
    assert documented[name] == lives
    assert (f"Max-Age={ages[lives]};" in attributes) if lives in ages else ("Max-Age" not in attributes)
