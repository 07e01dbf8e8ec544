"""Site information: tel: and mailto: links of the operator's contacts."""

import re

import pytest

from broker.model.support import SupportSettings
from broker.web.citizens.next_steps import _line
from broker.web.shared.pages import TEMPLATES
from broker.web.shared.site_info import SiteInfo


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("0300 123 4567", "03001234567"),
        ("+44 300 123 4567", "+443001234567"),
        ("+44 (0)1632 960 100", "+441632960100"),
        ("(01632) 960-100", "+441632960100"),
        ("999 or 112", "999or112"),
        (None, ""),
    ],
)
def test_a_telephone_link_dials_the_number_that_is_written(written: str | None, dialled: str) -> None:
    assert SiteInfo("https://id.test", support=SupportSettings(phone=written)).tel == dialled


def test_an_email_link_has_its_domain_in_ascii() -> None:
    site = SiteInfo("https://id.test", support=SupportSettings(email="help@b\u00fccher.example"))
    assert site.mailto == "help@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("help@fishing.example", "mailto:help@fishing.example"),
        ("help@b\u00fccher.example", "mailto:help@xn--bcher-kva.example"),
        ("Tax Office, help@tax.example", None),
        ("https://tax.example/help", "https://tax.example/help"),
        ("01632 960 700", None),
    ],
)
def test_a_contact_of_a_service_is_a_link_only_if_it_leads_somewhere(contact: str, link: str | None) -> None:
    assert _line(contact).url == link


def test_no_page_dials_or_writes_to_a_contact_as_it_is_displayed() -> None:
    """Templates use `tel` and `mailto`, never the configured text, in links."""
    for page in TEMPLATES.rglob("*.html"):
        for line in page.read_text("utf-8").splitlines():
            assert not re.search(r"(tel:|mailto:)\{\{ *site\.support\.(phone|email)", line), page
