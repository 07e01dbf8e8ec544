"""Refused sign-ins at an OpenID provider: the source of each fault, and its rule."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from broker.provider import OUTAGES, FailureCause
from providers.monitored_provider import NOT_ASKED
from providers.openid import errors
from providers.openid.errors import RULES, UpstreamFault
from tests.support.syntax_trees import nodes_of

PACKAGE = Path(errors.__file__).parent

SITES: dict[str, set[str]] = {
    "metadata.parse_metadata": {"METADATA_ISSUER", "METADATA_ENDPOINT"},
    "metadata.fetch_document": {"METADATA.failed"},
    "metadata.fetch_encryption_keys": {"KEYS.failed", "KEYS_UNUSABLE"},
    "request_object._encrypted": {"KEYS_UNUSABLE"},
    "metadata.fetch": {"KEYS.failed", "KEYS_UNUSABLE"},
    "provider._complete": {"ANSWER_ELSEWHERE", "ANSWER_CODE"},
    "provider._constant": {"LEVEL_NOT_OFFERED"},
    "provider._overdue": {"BUDGET_SPENT"},
    "pushed_request.push": {"PAR.failed", "PAR_UNREADABLE", "METADATA_ENDPOINT"},
    "answer_token._refused": {"ANSWER_TOKEN"},
    "answer_token.open": {"ANSWER_TOKEN"},
    "logout_token.read": {"LOGOUT_TOKEN"},
    "logout_token._refused": {"LOGOUT_TOKEN"},
    "logout_token._subject": {"LOGOUT_TOKEN"},
    "security_events._rejected": {"LOGOUT_TOKEN"},
    "error_mapping.of_callback": {"ANSWER_ERROR"},
    "token_binding._compare": {"TOKEN_BINDING"},
    "claim_sources._source": {"CLAIM_SOURCE_UNPROVEN"},
    "claim_sources.fetch": {"CLAIM_SOURCE_UNPROVEN"},
    "claim_sources._claims": {"CLAIM_SOURCE_UNKNOWN"},
    "claim_sources._referenced": {"CLAIM_SOURCE_UNKNOWN"},
    "claim_sources._refused": {"CLAIM_SOURCE_UNPROVEN"},
    "error_mapping.of_endpoint": {"endpoint.failed"},
    "token_endpoint.redeem": {"TOKEN_MISSING"},
    "token_endpoint._tokens": {"endpoint.failed"},
    "token_endpoint._read": {"TOKEN_MISSING", "TOKEN_TYPE", "TOKEN_UNSENDABLE"},
    "session_recheck.ask": {"GRANT_GONE", "BUDGET_SPENT"},
    "session_recheck._confirm": {"TOKEN_MISSING"},
    "session_recheck.check_refreshed": {"ID_TOKEN_SUBJECT", "SIGN_IN_TIME_WRONG"},
    "userinfo.ask": {"USERINFO.failed", "USERINFO_SUBJECT"},
    "userinfo._json": {"USERINFO.failed"},
    "userinfo._token": {"USERINFO_NOT_SIGNED"},
    "userinfo._refused": {"USERINFO_CLAIMS"},
    "userinfo._unexpected_token": {"USERINFO_SIGNED", "USERINFO_ENCRYPTED"},
    "identity_token.read": {"IDENTITY_MISSING", "IDENTITY_FORM", "IDENTITY_SUBJECT"},
    "identity_token._refused": {"IDENTITY_CLAIMS"},
    "did_document.fetch": {"DID.failed"},
    "did_document._unusable": {"DID_UNUSABLE"},
    "id_token_checks.check_issuer": {"ID_TOKEN_ISSUER"},
    "id_token_checks.check_audience": {"ID_TOKEN_AUDIENCE"},
    "id_token_checks.check_times": {"ID_TOKEN_TIME"},
    "id_token_checks.check_nonce": {"ID_TOKEN_NONCE"},
    "id_token_checks.check_subject": {"ID_TOKEN_SUBJECT"},
    "id_token_checks.check_access_token": {"ID_TOKEN_ACCESS_TOKEN"},
    "id_token_checks.check_sign_in_time": {"SIGN_IN_TIME_MISSING", "SIGN_IN_TIME_WRONG", "SIGN_IN_TOO_OLD"},
    "identity.make": {"CLAIMS_MISSING"},
    "identity._subject_of": {"ID_TOKEN_SUBJECT"},
    "identity._check_values": {"CLAIM_NOT_ALLOWED"},
    "acting.read": {"ACTING_UNMAPPED"},
    "levels.reached": {"LEVEL_MISSING"},
    "levels.level": {"LEVEL_UNKNOWN"},
    "levels._reader": {"LEVEL_UNKNOWN"},
    "errors": {
        *("METADATA_UNREACHABLE", "METADATA_STATUS", "METADATA_UNREADABLE"),
        *("KEYS_UNREACHABLE", "KEYS_STATUS", "KEYS_UNREADABLE"),
        *("TOKEN_UNREACHABLE", "TOKEN_STATUS", "TOKEN_UNREADABLE", "TOKEN_REFUSED"),
        *("TOKEN_ERROR", "TOKEN_CODE", "TOKEN_CLIENT", "GRANT_GONE", "DPOP_NONCE", "PAR_CLIENT"),
        *("USERINFO_UNREACHABLE", "USERINFO_STATUS", "USERINFO_UNREADABLE", "USERINFO_REFUSED"),
        *("PAR_UNREACHABLE", "PAR_STATUS", "PAR_UNREADABLE", "PAR_REFUSED"),
        *("DID_UNREACHABLE", "DID_STATUS", "DID_UNREADABLE"),
        *("USERINFO_FORM", "USERINFO_KEYS", "USERINFO_UNPROVEN"),
        *("USERINFO_ENCRYPTED", "USERINFO_NOT_ENCRYPTED", "USERINFO_UNDECRYPTABLE"),
        *("IDENTITY_FORM", "IDENTITY_KEYS", "IDENTITY_UNPROVEN", "IDENTITY_ENCRYPTED"),
        *("ANSWER_TOKEN", "LOGOUT_TOKEN", "CLAIM_SOURCE_UNPROVEN"),
        *("ID_TOKEN_FORM", "ID_TOKEN_KEYS", "ID_TOKEN_UNPROVEN"),
        *("ID_TOKEN_ENCRYPTED", "ID_TOKEN_NOT_ENCRYPTED", "ID_TOKEN_UNDECRYPTABLE"),
    },
    # the answer to a made-up code, which no citizen brought
    "self_test._token": {"TOKEN.failed"},
}
"""Every function that refuses, and with which fault. `RULES` decides whether it is an outage."""

OF_ONE_CITIZEN = {"id_token_checks", "identity", "levels", "acting"}
"""Modules that read nothing but what is about one citizen."""


def named(node: ast.AST) -> Iterator[str]:
    """The faults that an expression names, and the endpoints whose failures it makes."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
            if inner.value.id in ("UpstreamFault", "F"):
                yield inner.attr
            elif inner.attr == "failed":
                yield f"{inner.value.id}.failed"


def sites() -> dict[str, set[str]]:
    """The refusals in the source, by module and function; those of the endpoints, which are outside of any."""
    found: dict[str, set[str]] = {}
    for file in sorted(PACKAGE.glob("*.py")):
        for node in nodes_of(file):
            place = file.stem
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                place = f"{file.stem}.{node.name}"
            elif not (isinstance(node, ast.Call) and ast.unparse(node.func) in ("Endpoint", "TokenFaults")):
                continue
            if names := set(named(node)):
                found[place] = found.get(place, set()) | names
    return found


def test_every_refusal_in_the_source_stands_in_the_table_of_sites() -> None:
    assert sites() == SITES


def test_a_refusal_is_made_of_a_fault_by_name_and_a_failure_of_nothing_else() -> None:
    for file in PACKAGE.glob("*.py"):
        for node in nodes_of(file):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "ProviderFailure":
                assert file.stem == "errors", ast.unparse(node)
            if node.func.id in ("UpstreamError", "_refused"):
                first = node.args[0]
                said = ast.unparse(first)
                known = ("fault", "self.status", "self.unreadable", "self.unreachable")
                handed_on = said in known or said.startswith("faults.")
                assert handed_on or set(named(first)), ast.unparse(node)


def test_every_fault_has_a_rule_with_a_reason_why_and_a_site() -> None:
    assert set(RULES) == set(UpstreamFault)
    assert all(len(rule.why) > 10 for rule in RULES.values())
    assert {name for names in SITES.values() for name in names if not name.endswith(".failed")} == set(
        UpstreamFault.__members__
    )


def test_these_faults_and_no_others_count_against_a_provider() -> None:
    assert {fault for fault, rule in RULES.items() if rule.cause in OUTAGES} == {
        *(fault for fault in UpstreamFault if fault.startswith(("metadata_", "keys_", "did_"))),
        UpstreamFault.USERINFO_KEYS,
        UpstreamFault.IDENTITY_KEYS,
        UpstreamFault.TOKEN_UNREACHABLE,
        UpstreamFault.TOKEN_STATUS,
        UpstreamFault.TOKEN_CLIENT,
        UpstreamFault.ID_TOKEN_KEYS,
        UpstreamFault.USERINFO_UNREACHABLE,
        UpstreamFault.USERINFO_STATUS,
        UpstreamFault.PAR_UNREACHABLE,
        UpstreamFault.PAR_STATUS,
        UpstreamFault.PAR_CLIENT,
        UpstreamFault.BUDGET_SPENT,
    }


def test_parsers_of_one_citizens_data_report_no_outage() -> None:
    for place, names in SITES.items():
        if place.partition(".")[0] in OF_ONE_CITIZEN:
            assert all(RULES[UpstreamFault[name]].cause not in OUTAGES for name in names), place


def test_the_handbook_lists_every_fault_under_its_cause() -> None:
    lines = (Path(__file__).parents[3] / "docs" / "operating.md").read_text().splitlines()
    rows = {cause: next(line for line in lines if line.startswith(f"| `{cause}` |")) for cause in FailureCause}
    documented = {
        cause: set(re.findall(r"`([a-z_]+)`", row.rpartition(" | ")[2])) & _words() for cause, row in rows.items()
    }
    known: dict[FailureCause, set[str]] = {cause: set() for cause in FailureCause}
    for fault, rule in RULES.items():
        known[rule.cause].add(fault.value)
    known[FailureCause.BROKER].add(NOT_ASKED)
    assert documented == known


def _words() -> set[str]:
    return {fault.value for fault in UpstreamFault} | {NOT_ASKED}
