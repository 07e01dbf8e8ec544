"""The table of what standards demand is whole, and names tests that exist."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from broker.model.lifetimes import TokenLifetimes
from broker.platform.toml_loader import load

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "conformance.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
REASON = re.compile(r"(Not met|Does not apply|By operation): .{15,}")
UNMET = re.compile(r"- (.+?) (V?[\d.]+(?:-[\d.]+)?): .{15,}")


def numbered(section: str, *last: int | str) -> list[str]:
    """The demands of a section: `5.2.1-1` to the last; or a list of those that are not simply counted."""
    if len(last) == 1 and isinstance(last[0], int):
        return [f"{section}-{number}" for number in range(1, last[0] + 1)]
    return [f"{section}-{name}" for name in last]


def asvs(section: str, last: int) -> list[str]:
    return [f"{section}.{number}" for number in range(1, last + 1)]


DEMANDED: dict[str, list[str]] = {
    "FAPI 2.0 Security Profile": [
        *numbered("5.2.1", 5),
        *numbered("5.2.2", 2),
        *numbered("5.2.2.1", 3),
        *numbered("5.2.3", 3),
        *numbered("5.3.2.1", 14),
        *numbered("5.3.2.2", 14),
        *numbered("5.3.2.3", 1),
        "5.3.3",
        *numbered("5.3.4", 5),
        *numbered("5.4.1", "1.1", "1.2", "1.3", "2", "3", "4"),
        *numbered("5.4.2", 3),
        *numbered("5.4.3", 1),
        *(f"6.{number}" for number in range(1, 9)),
    ],
    "FAPI 2.0 Message Signing": [
        *numbered("5.3.1", 5),
        *numbered("5.4.1", 1),
        *numbered("5.5.1", 1),
        *numbered("5.6.1", 1),
        "6.2",
    ],
    "RFC 9700": [
        *numbered("2.1", 5),
        *numbered("2.1.1", 7),
        *numbered("2.1.2", 1),
        *numbered("2.2.1", 1),
        *numbered("2.2.2", 1),
        *numbered("2.3", 3),
        *numbered("2.4", 1),
        *numbered("2.5", 2),
        *numbered("2.6", 6),
        *(f"4.{number}" for number in range(1, 11)),
        *numbered("4.11", 2),
        "4.12",
        "4.13",
        *numbered("4.14", 5),
        "4.15",
        *numbered("4.16", 2),
        "4.17",
    ],
    "ASVS 5.0": [
        *asvs("V7.1", 3),
        *asvs("V7.2", 4),
        *asvs("V7.3", 2),
        *asvs("V7.4", 5),
        *asvs("V7.5", 3),
        *asvs("V7.6", 2),
        *asvs("V9.1", 3),
        *asvs("V9.2", 4),
        *asvs("V10.1", 2),
        *asvs("V10.2", 3),
        *asvs("V10.3", 5),
        *asvs("V10.4", 16),
        *asvs("V10.5", 5),
        *asvs("V10.6", 2),
        *asvs("V10.7", 3),
    ],
    "Client plans of the OpenID Foundation": [
        "oidcc-client-test",
        *(
            f"oidcc-client-test-{name}"
            for name in (
                "invalid-iss",
                "missing-sub",
                "invalid-aud",
                "missing-iat",
                "kid-absent-single-jwks",
                "kid-absent-multiple-jwks",
                "idtoken-sig-rs256",
                "idtoken-sig-none",
                "invalid-sig-rs256",
                "userinfo-invalid-sub",
                "nonce-invalid",
                "scope-userinfo-claims",
                "client-secret-basic",
                "discovery-openid-config",
                "discovery-jwks-uri-keys",
                "discovery-issuer-mismatch",
                "signing-key-rotation",
                "signing-key-rotation-just-before-signing",
                "refresh-token",
                "refresh-token-invalid-issuer",
                "refresh-token-invalid-sub",
                "3rd-party-init-login",
                "rp-backchannel-rpinitlogout",
                "rp-backchannel-rpinitlogout-alg-none",
                "rp-backchannel-rpinitlogout-no-event",
                "rp-backchannel-rpinitlogout-with-nonce",
                "rp-backchannel-rpinitlogout-wrong-alg",
                "rp-backchannel-rpinitlogout-wrong-aud",
                "rp-backchannel-rpinitlogout-wrong-event",
                "rp-backchannel-rpinitlogout-wrong-iss",
                "rp-frontchannel-rpinitlogout",
                "rp-frontchannel-opinitlogout",
                "rp-init-logout",
                "rp-init-logout-other-state",
                "rp-init-logout-no-state",
                "session-management",
            )
        ),
        *(
            f"fapi2-client-test-{name}"
            for name in (
                "happy-path",
                "discovery-issuer-mismatch",
                "invalid-iss",
                "invalid-aud",
                "invalid-secondary-aud",
                "invalid-null-alg",
                "invalid-alternate-alg",
                "invalid-expired-exp",
                "invalid-missing-exp",
                "invalid-missing-aud",
                "invalid-missing-iss",
                "valid-aud-as-array",
                "invalid-nonce",
                "invalid-missing-nonce",
                "invalid-authorization-response-iss",
                "remove-authorization-response-iss",
                "ensure-authorization-response-with-invalid-state-fails",
                "ensure-authorization-response-with-invalid-missing-state-fails",
                "token-endpoint-response-without-expires_in",
                "token-type-case-insensitivity",
                "rs-dpop-auth-scheme-case-insensitivity",
                "happy-path-no-dpop-nonce",
                "ensure-jarm-without-iss-fails",
                "ensure-jarm-with-invalid-iss-fails",
                "ensure-jarm-without-aud-fails",
                "ensure-jarm-with-invalid-aud-fails",
                "ensure-jarm-without-exp-fails",
                "ensure-jarm-with-expired-exp-fails",
                "ensure-jarm-with-invalid-sig-fails",
                "ensure-jarm-signature-is-not-none",
            )
        ),
    ],
    "RFC 6749 client credentials": ["4.4-1", "4.4.2-1", "4.4.2-2", "4.4.3-1", "4.4.3-2"],
    "Transmitter plans of the OpenID Foundation": [
        *(
            f"openid-ssf-{name}"
            for name in (
                "transmitter-metadata",
                "stream-control-happy-path",
                "stream-control-error-create-stream-with-broken-input",
                "stream-control-error-create-stream-with-invalid-token",
                "stream-control-error-create-stream-with-duplicate-config",
                "stream-control-error-read-stream-with-invalid-token",
                "stream-control-error-read-unknown-stream",
                "stream-control-error-update-stream-with-invalid-token",
                "stream-control-error-update-stream-with-invalid-body",
                "stream-control-error-update-unknown-stream",
                "stream-control-error-replace-stream-with-invalid-body",
                "stream-control-error-replace-stream-with-invalid-token",
                "stream-control-error-replace-unknown-stream",
                "stream-control-error-delete-stream-with-invalid-token",
                "stream-control-error-delete-unknown-stream",
                "stream-subject-control",
                "transmitter-stream-verification-push",
                "transmitter-stream-verification-poll-only",
                "transmitter-stream-verification-poll-and-ack",
                "transmitter-stream-verification-ack-only",
                "transmitter-stream-verification-error-push-no-auth",
                "transmitter-stream-caep-interop",
            )
        ),
    ],
    "CAEP Interoperability Profile 1.0": [
        "2.1",
        *(f"2.3.{number}" for number in range(1, 8)),
        "2.3.8.1",
        "2.3.8.2",
        *("2.4", "2.5", "2.6", "2.7.1", "2.7.2", "2.7.3-1", "2.7.3-2", "2.8.1", "3.1", "3.2"),
    ],
}
"""Every demand that has to have a row, by document, in the order of the document."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    document: str
    paragraph: str
    demanded: str
    shown: str


def rows(text: str) -> Iterator[Row]:
    """The rows of every document on the page."""
    document = ""
    for line in text.splitlines():
        if line.startswith("## "):
            document = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| § |"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            yield Row(document, cells[0], cells[1], cells[2]) if len(cells) == 3 else Row(document, line, "", "")


@cache
def known(name: str) -> frozenset[str]:
    """The names of the tests in a file, as they are written: nothing is run."""
    path = ROOT / name
    if not path.is_file():
        return frozenset()
    found = ast.walk(ast.parse(path.read_text()))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def wrong(row: Row) -> Iterator[str]:
    """What is wrong with a row."""
    named = TEST.findall(row.shown)
    for path, test in named:
        if test not in known(path):
            yield f"{row.document} {row.paragraph}: there is no {path}::{test}"
    if row.shown.count("tests/") != len(named):
        yield f"{row.document} {row.paragraph}: a test is not written as `tests/...::test_...`"
    if not named and not REASON.fullmatch(row.shown):
        yield f"{row.document} {row.paragraph}: neither a test nor a reason"
    if len(row.demanded) < 5:
        yield f"{row.document} {row.paragraph}: it does not say what is demanded"


PAGE_ROWS = list(rows(PAGE.read_text()))


def test_every_row_names_tests_that_exist_or_a_reason() -> None:
    found = [problem for row in PAGE_ROWS for problem in wrong(row)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("document", DEMANDED)
def test_every_demand_has_its_row_and_no_row_is_there_twice(document: str) -> None:
    assert [row.paragraph for row in PAGE_ROWS if row.document == document] == DEMANDED[document]


def test_no_document_is_there_that_nobody_listed() -> None:
    assert {row.document for row in PAGE_ROWS} == set(DEMANDED)


def test_what_is_not_met_is_said_at_the_head_of_the_page_too() -> None:
    head = PAGE.read_text().partition("## What is not met")[2].partition("\n## ")[0]
    said = [match.groups() for line in head.splitlines() if (match := UNMET.fullmatch(line))]
    assert said == [(row.document, row.paragraph) for row in PAGE_ROWS if row.shown.startswith("Not met")]


@pytest.mark.parametrize(
    ("shown", "complaint"),
    [
        ("`tests/test_conformance.py::test_every_row_names_tests_that_exist_or_a_reason`", None),
        ("Not met: there is no page for that.", None),
        ("`tests/test_conformance.py::test_that_is_gone`", "there is no"),
        ("`tests/test_gone.py::test_x`", "there is no"),
        ("tests/test_conformance.py::test_x", "is not written as"),
        ("Not met", "neither a test nor a reason"),
        ("", "neither a test nor a reason"),
        ("Surely.", "neither a test nor a reason"),
    ],
)
def test_a_row_that_shows_nothing_is_seen(shown: str, complaint: str | None) -> None:
    found = list(wrong(Row("RFC 9700", "2.1-1", "demanded", shown)))
    assert (found == []) if complaint is None else any(complaint in each for each in found)


def test_no_lifetime_can_be_set_beyond_what_the_profile_allows() -> None:
    """FAPI 2.0 Security Profile 5.3.2.1-11 and 5.3.2.2-12."""
    assert load({"code": 60, "request_uri": 300}, TokenLifetimes)[0] == TokenLifetimes(code=60, request_uri=300)
    for beyond in ({"code": 61}, {"request_uri": 600}):
        assert load(beyond, TokenLifetimes)[0] is None
