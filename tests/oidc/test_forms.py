"""Forms and queries are read in one way only, or not at all."""

from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oidc.forms import FORM, MAX_BYTES, MAX_PARAMETERS, Unreadable, read_form, read_query

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(TEXT, TEXT, max_size=8))
def test_what_was_encoded_is_read_back(sent: dict[str, str]) -> None:
    assert read_query(urlencode(sent).encode()) == sent
    assert read_query(urlencode(sent, quote_via=quote).encode()) == sent


@given(st.binary(max_size=200))
def test_whatever_comes_is_either_read_or_refused(data: bytes) -> None:
    try:
        read = read_query(data)
    except Unreadable as refused:
        assert refused.description.isascii()
    else:
        assert all(read.values())
        assert "\0" not in "".join([*read, *read.values()])


@given(TEXT, TEXT, TEXT)
def test_a_repeated_parameter_is_refused_however_it_is_written(name: str, one: str, other: str) -> None:
    every_byte = "".join(f"%{byte:02x}" for byte in name.encode())
    for again in (quote_plus(name), every_byte):
        with pytest.raises(Unreadable, match="repeated"):
            read_query(f"{quote_plus(name)}={quote_plus(one)}&x1y=1&{again}={quote_plus(other)}".encode())


def test_a_parameter_repeated_without_a_value_is_refused_too() -> None:
    for query in (b"a=&a=1", b"a=1&a", b"a&a"):
        with pytest.raises(Unreadable, match="repeated"):
            read_query(query)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"=1&&a=2", {"": "1", "a": "2"}),
        (b"a=1", {"a": "1"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"a;b=2", {"a;b": "2"}),
        (b"a=1=2", {"a": "1=2"}),
        (b"a=x+y", {"a": "x y"}),
        (b"a=x%2By", {"a": "x+y"}),
        (b"a=x%20y", {"a": "x y"}),
        (b"a=%26b%3D2", {"a": "&b=2"}),
        (b"a=&b=2", {"b": "2"}),
        (b"a&b=2", {"b": "2"}),
        (b"=1&b=2", {"": "1", "b": "2"}),
        (b"a=?x", {"a": "?x"}),
        (b"a=%C3%A9", {"a": "é"}),
        ("a=é".encode(), {"a": "é"}),
        (b"a[]=1&a[0]=2", {"a[]": "1", "a[0]": "2"}),
    ],
)
def test_a_query_is_read_as_the_standard_says(query: bytes, read: dict[str, str]) -> None:
    assert read_query(query) == read


@pytest.mark.parametrize(
    "query",
    [b"a=%", b"a=%4", b"a=%zz", b"%=1", b"a=%ff", b"a=\xff", b"a=%c0%af", b"a=%ed%a0%80", b"a=%00", b"a=\0", b"%00=1"],
)
def test_broken_encoding_and_nul_are_refused(query: bytes) -> None:
    with pytest.raises(Unreadable):
        read_query(query)


def test_size_and_number_are_limited() -> None:
    assert read_query(b"a=" + b"x" * (MAX_BYTES - 2))
    with pytest.raises(Unreadable, match="bytes") as refused:
        read_query(b"a=" + b"x" * (MAX_BYTES - 1))
    assert refused.value.status == 413
    assert len(read_query(b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS)))) == MAX_PARAMETERS
    with pytest.raises(Unreadable, match="parameters"):
        read_query(b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS + 1)))


@pytest.mark.parametrize("content_type", [FORM, f"{FORM};charset=UTF-8", f'{FORM} ; charset="utf-8"', FORM.upper()])
def test_a_form_is_read(content_type: str) -> None:
    assert read_form(b"a=1", content_type) == {"a": "1"}


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        f"{FORM};charset=latin1",
        f"{FORM}x",
    ],
)
def test_any_other_content_is_refused(content_type: str | None) -> None:
    with pytest.raises(Unreadable) as refused:
        read_form(b"a=1", content_type)
    assert refused.value.status == 415


def test_the_refusal_can_be_told_to_a_person_and_to_a_service() -> None:
    with pytest.raises(Unreadable) as refused:
        read_query(b"a=1&a=2")
    for told in (refused.value.shown(), refused.value.token_error()):
        assert (told.code, told.status) == ("invalid_request", 400)
        assert "'a'" in told.detail
        assert "'a'" not in told.description
