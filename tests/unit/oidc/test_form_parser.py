"""Form parser: forms and queries have one interpretation, or are rejected."""

from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oidc.form_parser import (
    FORM,
    MAX_BYTES,
    MAX_PARAMETERS,
    UnreadableForm,
    parse_legible,
    read_callback,
    read_form,
    read_query,
)
from broker.oidc.parameters import AUTHORIZATION, CALLBACK, CREDENTIALS, ENDPOINT_PARAMETERS, LOGOUT
from tests.support.outcome import outcome

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(TEXT, TEXT, max_size=8))
def test_what_was_encoded_is_read_back(sent: dict[str, str]) -> None:
    assert read_query(urlencode(sent).encode()) == sent
    assert read_query(urlencode(sent, quote_via=quote).encode()) == sent


@given(st.binary(max_size=200))
def test_any_form_is_parsed_or_refused(data: bytes) -> None:
    read = outcome(lambda: read_query(data), UnreadableForm)
    if isinstance(read, UnreadableForm):
        assert read.description.isascii()
    else:
        assert all(read.values())
        assert "\0" not in "".join([*read, *read.values()])


@given(TEXT, TEXT, TEXT)
def test_a_repeated_parameter_is_refused_however_it_is_written(name: str, one: str, other: str) -> None:
    every_byte = "".join(f"%{byte:02x}" for byte in name.encode())
    for again in (quote_plus(name), every_byte):
        with pytest.raises(UnreadableForm, match="repeated"):
            read_query(f"{quote_plus(name)}={quote_plus(one)}&x1y=1&{again}={quote_plus(other)}".encode())


def test_a_parameter_repeated_without_a_value_is_refused_too() -> None:
    for query in (b"a=&a=1", b"a=1&a", b"a&a"):
        with pytest.raises(UnreadableForm, match="repeated"):
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
    with pytest.raises(UnreadableForm):
        read_query(query)


def test_size_and_number_are_limited() -> None:
    assert read_query(b"a=" + b"x" * (MAX_BYTES - 2))
    with pytest.raises(UnreadableForm, match="bytes") as refused:
        read_query(b"a=" + b"x" * (MAX_BYTES - 1))
    assert refused.value.status == 413
    assert len(read_query(b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS)))) == MAX_PARAMETERS
    with pytest.raises(UnreadableForm, match="parameters"):
        read_query(b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS + 1)))


MALFORMED = [
    b"x=%",
    b"x=%zz",
    b"x=%ff",
    b"x=\xe9",
    b"x=%c0%af",
    b"x=%ed%a0%80",
    b"x=%00",
    b"x=\0",
    b"%=1",
    b"%ff=1",
    b"=",
    b"&&",
]
READ = st.sampled_from(sorted(AUTHORIZATION))


@pytest.mark.parametrize("other", [*MALFORMED, b"x=1&x=2", b"resource=https://a.test&resource=https://b.test", b"a;b"])
@pytest.mark.parametrize("names", [AUTHORIZATION, LOGOUT, CALLBACK, *ENDPOINT_PARAMETERS.values()])
def test_a_parameter_that_is_not_read_may_be_anything(other: bytes, names: frozenset[str]) -> None:
    for name in names:
        sent = f"{name}=1".encode()
        for query in (sent + b"&" + other, other + b"&" + sent):
            assert read_query(query, names) == {name: "1"}
            assert read_form(query, FORM, names) == {name: "1"}


@given(READ, TEXT, st.lists(st.binary(max_size=40).filter(lambda raw: b"&" not in raw), max_size=80))
def test_what_is_read_does_not_depend_on_what_is_not(name: str, value: str, others: list[bytes]) -> None:
    noise = b"".join(b"&x" + other for other in others)
    assert read_query(f"{name}={quote_plus(value)}".encode() + noise, AUTHORIZATION) == {name: value}


@pytest.mark.parametrize("names", [AUTHORIZATION, LOGOUT, CALLBACK, *ENDPOINT_PARAMETERS.values()])
def test_a_parameter_that_is_read_is_there_once_and_well_formed(names: frozenset[str]) -> None:
    for name in names:
        every_byte = "".join(f"%{byte:02X}" for byte in name.encode())
        for query in (f"{name}=1&{name}=1", f"{name}=&{name}=1", f"{name}=1&{every_byte}=2", f"{name}&{name}"):
            with pytest.raises(UnreadableForm, match="repeated"):
                read_query(query.encode(), names)
        for value in (b"%", b"%zz", b"%ff", b"\xe9", b"%c0%af", b"%ed%a0%80", b"%00", b"\0"):
            with pytest.raises(UnreadableForm):
                read_query(name.encode() + b"=" + value, names)


def test_any_number_of_parameters_that_are_not_read_fits_into_the_size_limit() -> None:
    many = b"code=1" + b"&x=1" * ((MAX_BYTES - 6) // 4)
    assert read_query(many, CALLBACK) == {"code": "1"}
    for read in (lambda: read_query(many + b"&x=1", CALLBACK), lambda: parse_legible(many + b"&x=1")):
        with pytest.raises(UnreadableForm, match="bytes") as refused:
            read()
        assert refused.value.status == 413


def test_an_answer_keeps_what_else_is_legible() -> None:
    answer = b"code=1&state=2&error_description=%E9&scope=a&scope=b&session_state=3&empty="
    assert read_callback(answer, CALLBACK) == {"code": "1", "state": "2", "session_state": "3"}


def test_services_are_authenticated_at_every_endpoint_that_they_call() -> None:
    assert all(names >= CREDENTIALS for names in ENDPOINT_PARAMETERS.values())


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        ";charset=UTF-8",
        ' ; charset="utf-8"',
        ";charset=utf8",
        '; charset="UTF8"',
        ";charset=us-ascii",
        ";charset=ISO-8859-1",
        "; Charset=iso-8859-15",
        ";charset=windows-1252",
        ";charset=ANSI_X3.4-1968",
        ";charset=unicode-1-1-utf-8",
        ";charset=koi8-r",
        ";charset=l1",
        '; charset="ISO_8859-1:1987"',
        ";charset=Windows-874",
        ";",
        "; ",
        ";;",
        "; charset",
        "; charset=",
        ";charset=utf-8;",
        ';charset=utf-8; boundary="a;charset=utf-16"',
        "; boundary=x",
        "; version=1; charset=utf-8",
        "; =x",
    ],
)
def test_parameters_of_the_media_type_that_change_nothing_are_accepted(parameters: str) -> None:
    for kind in (FORM, FORM.upper()):
        assert read_form(b"a=1", f"{kind}{parameters}") == {"a": "1"}


@pytest.mark.parametrize("charset", ["ISO-8859-1", "latin1", "windows-1251"])
def test_a_charset_in_which_a_value_reads_differently_is_refused_in_words(charset: str) -> None:
    kind = f"{FORM}; charset={charset}"
    for body in ("state=é".encode(), b"state=%C3%A9", b"state=%E2%82%AC&a=1"):
        with pytest.raises(UnreadableForm, match=charset.lower()) as refused:
            read_form(body, kind, AUTHORIZATION)
        assert (refused.value.status, "UTF-8" in refused.value.description) == (415, True)
    assert read_form(b"state=1&unread=%C3%A9", kind, AUTHORIZATION) == {"state": "1"}


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "utf-32", "shift_jis", "gb18030", "cp037", "x", "iso-8859-1x"])
def test_a_charset_in_which_even_letters_differ_is_refused_in_words(charset: str) -> None:
    for more in ("", "; charset=utf-8"):
        with pytest.raises(UnreadableForm) as refused:
            read_form(b"a=1", f'{FORM}{more}; charset="{charset}"')
        assert (refused.value.status, "UTF-8" in refused.value.description) == (415, True)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        ";",
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        f"{FORM}x",
        f"{FORM}, {FORM}",
        f"{FORM} x; charset=utf-8",
    ],
)
def test_any_other_content_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnreadableForm) as refused:
        read_form(b"a=1", content_type)
    assert refused.value.status == 415


def test_an_unreadable_form_becomes_a_displayed_or_an_endpoint_error() -> None:
    with pytest.raises(UnreadableForm) as refused:
        read_query(b"a=1&a=2")
    for error in (refused.value.displayed_error(), refused.value.token_error()):
        assert (error.code, error.status) == ("invalid_request", 400)
        assert "'a'" in error.detail
        assert "'a'" not in error.description
