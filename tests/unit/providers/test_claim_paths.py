"""Paths to claims: members, items, what is valid today, parts to join; and documents of any shape."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.openid.claim_paths import InvalidPath, compile_path
from providers.openid.identity import claim_readers, map_claims

NOW = 1_800_000_000  # 2027-01-15
NAMES = {
    "name": [
        {"validUntil": "2020-03-01", "nameParts": [{"type": "GivenName", "value": "Old"}]},
        {
            "validFrom": "2020-03-01",
            "nameParts": [
                {"type": "GivenName", "value": "Mary"},
                {"type": "GivenName", "value": "Jane"},
                {"type": "FamilyName", "value": "Watson"},
            ],
        },
    ],
}
VOCAB = "https://vocab.account.gov.uk/v1/address"
DOCUMENT: dict[str, Any] = {
    "sub": "s-1",
    "a": {"b": {"c": "deep"}, "list": ["x", "y"]},
    "dotted.name": "whole",
    "a.b": "by its whole name",
    VOCAB: [
        {"postalCode": "OLD", "validFrom": "2010-01-01", "validUntil": "2019-12-31"},
        {"postalCode": "NEW", "uprn": 10001234567, "validFrom": "2020-01-01", "buildingNumber": "4", "street": "Quay"},
        {"postalCode": "LATER", "validFrom": "2031-01-01"},
    ],
    "vc": {"credentialSubject": NAMES},
    "born": {"year": 1965, "month": 7, "day": 8},
    "main": base64.b64encode(json.dumps({"Strasse": "Ring 1"}).encode()).decode(),
    "zero": 0,
    "no": False,
    "nothing": None,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("sub", "s-1"),
        ("missing", None),
        ("a.b.c", "deep"),
        ("a.b", "by its whole name"),
        ("dotted.name", "whole"),
        ('"dotted.name"', "whole"),
        ("a.list", ["x", "y"]),
        ("a.list[0]", "x"),
        ("a.list[7]", None),
        ("a.list[*]", "x y"),
        (f'"{VOCAB}"[current].postalCode', "NEW"),
        (f"{VOCAB}", DOCUMENT[VOCAB]),
        (f'"{VOCAB}"[1].uprn', 10001234567),
        (f'"{VOCAB}"[current].buildingNumber + "{VOCAB}"[current].street', "4 Quay"),
        ("vc.credentialSubject.name[current].nameParts[type=GivenName].value", "Mary Jane"),
        ("vc.credentialSubject.name[current].nameParts[type=FamilyName].value", "Watson"),
        ("vc.credentialSubject.name[0].nameParts[*].value", "Old"),
        ("missing | a.b.c", "deep"),
        ("missing + sub", "s-1"),
        ("missing + absent | sub", "s-1"),
        ("born[date]", "1965-07-08"),
        ("main[base64].Strasse", "Ring 1"),
        ("sub[base64].x", None),
        ("zero", 0),
        ("no", False),
        ("nothing | sub", "s-1"),
        ("a.b.c.d", None),
        ("a[0]", None),
    ],
)
def test_a_path_leads_to_a_value_or_nowhere(path: str, expected: object) -> None:
    assert compile_path(path)(DOCUMENT, NOW) == expected


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        ({"year": 1965}, "1965"),
        ({"year": "1965", "month": "7"}, "1965-07"),
        ({"year": 1965, "month": 0, "day": 0}, "1965"),
        ({"year": 1965, "day": 8}, "1965"),
        ({"month": 7, "day": 8}, None),
        ({"year": True}, None),
        ("1965", None),
    ],
)
def test_a_date_in_parts_may_lack_the_last_ones(born: object, expected: str | None) -> None:
    assert compile_path("born[date]")({"born": born}, NOW) == expected


def test_of_several_valid_items_the_newest_is_current() -> None:
    items = [{"v": 1, "validFrom": "2001-01-01"}, {"v": 2, "validFrom": "2005-01-01"}, {"v": 3}]
    assert compile_path("x[current].v")({"x": items}, NOW) == 2
    today = [{"v": 1, "validUntil": "2027-01-15"}, {"v": 2, "validUntil": "2027-01-14"}, {"v": 3, "validFrom": 7}]
    assert compile_path("x[current].v")({"x": today}, NOW) == 1


@pytest.mark.parametrize(
    "path", ["", " ", ".a", "a.", "a..b", "a b", "[0]", "a[", "a[x]", "a[=x]", "|a", "a|", "a+", '"']
)
def test_a_path_outside_of_the_grammar_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        compile_path(path)


def test_an_address_has_the_members_of_the_map() -> None:
    readers = claim_readers(
        {"address": f'"{VOCAB}"[current]'},
        {"street_address": "buildingNumber + street", "postal_code": "postalCode", "country": "addressCountry"},
    )
    assert map_claims(DOCUMENT, readers, None, NOW).claims == {
        "address": {"street_address": "4 Quay", "postal_code": "NEW"}
    }
    assert map_claims({VOCAB: "a text"}, readers, None, NOW).claims == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "validFrom", "validUntil", "type", "year"]), inner, max_size=4)
    ),
    max_leaves=12,
)
PATHS = [
    "a",
    "a.b",
    "a[0].b",
    "a[*].b[*]",
    "a[current].b",
    "a[type=x].b",
    "a[base64].b",
    "a[date]",
    "a + b",
    "a[current][current].b | b[*] + a[date]",
]


@given(document=st.dictionaries(st.sampled_from(["a", "b"]), JSON), path=st.sampled_from(PATHS))
def test_a_document_of_any_shape_is_no_fault(document: dict[str, Any], path: str) -> None:
    compile_path(path)(document, NOW)


@given(st.text(alphabet='ab.[]|+"=*0 ', max_size=12))
def test_a_path_of_any_text_is_compiled_or_refused(path: str) -> None:
    try:
        read = compile_path(path)
    except InvalidPath:
        return
    read(DOCUMENT, NOW)
