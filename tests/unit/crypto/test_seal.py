"""Sealed values open only with their key, at their place, and unchanged."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.seal import CIPHER_CACHE, MESSAGES_PER_KEY, Sealer, Unsealable, derive, sealer
from tests.support.system import FakeRandom

OLD, NEW, STRANGE = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))


def ring(current: bytes = NEW, *previous: bytes) -> Sealer:
    return sealer(current, previous, FakeRandom().draw)


@given(st.binary(max_size=300), st.text(max_size=60))
def test_what_was_sealed_opens_at_its_place(data: bytes, place: str) -> None:
    sealed = ring().seal(data, place)
    assert ring().open(sealed, place) == data
    assert len(sealed) == len(data) + 49
    assert data not in sealed or len(data) < 4


def test_the_same_text_is_never_sealed_to_the_same_bytes() -> None:
    one = ring()
    assert len({one.seal(b"claims", "grant:1") for _ in range(100)}) == 100


def test_a_run_ends_before_its_nonces_could_meet_and_values_of_all_runs_open() -> None:
    one, run = ring(), slice(5, 21)
    first, second = one.seal(b"a", "grant:1"), one.seal(b"b", "grant:2")
    one.runs[0].left = 1
    last, after = one.seal(b"c", "grant:3"), one.seal(b"d", "grant:4")
    assert first[run] == second[run] == last[run] != after[run]
    assert one.runs[0].left == MESSAGES_PER_KEY - 1
    assert [ring().open(value, f"grant:{n}") for n, value in enumerate((first, second, last, after), 1)] == [
        b"a",
        b"b",
        b"c",
        b"d",
    ]


def test_only_so_many_runs_are_kept_ready_and_the_others_still_open() -> None:
    one = sealer(NEW, (), FakeRandom().draw)
    values = []
    for _ in range(CIPHER_CACHE + 3):
        one.runs.clear()
        values.append(one.seal(b"claims", "grant:1"))
    assert len(one.ciphers) == CIPHER_CACHE
    assert all(one.open(value, "grant:1") == b"claims" for value in values)
    assert len(one.ciphers) == CIPHER_CACHE


def test_a_value_does_not_open_at_another_place() -> None:
    sealed = ring().seal(b"claims", "grant:1")
    for place in ("grant:2", "", "grant:1 ", "transaction:1"):
        with pytest.raises(Unsealable, match="place"):
            ring().open(sealed, place)


def test_a_value_with_any_byte_changed_does_not_open() -> None:
    sealed = ring().seal(b"claims", "grant:1")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(Unsealable):
            ring().open(bytes(changed), "grant:1")


def test_a_value_that_was_cut_or_lengthened_does_not_open() -> None:
    sealed = ring().seal(b"claims", "grant:1")
    for size in range(len(sealed)):
        with pytest.raises(Unsealable):
            ring().open(sealed[:size], "grant:1")
    with pytest.raises(Unsealable):
        ring().open(sealed + b"\0", "grant:1")


def test_a_previous_secret_still_opens_what_it_sealed_and_seals_no_more() -> None:
    sealed = ring(OLD).seal(b"claims", "grant:1")
    both = ring(NEW, OLD)
    assert both.open(sealed, "grant:1") == b"claims"
    with pytest.raises(Unsealable, match="not in the ring"):
        ring(OLD).open(both.seal(b"claims", "grant:1"), "grant:1")


def test_a_secret_that_left_the_ring_opens_nothing() -> None:
    sealed = ring(OLD).seal(b"claims", "grant:1")
    with pytest.raises(Unsealable, match="not in the ring"):
        ring(NEW).open(sealed, "grant:1")


def test_a_mark_fits_its_use_its_data_and_its_ring_only() -> None:
    mark = ring().mac("csrf", b"data")
    assert len(mark) == 32
    assert ring().mac_matches("csrf", b"data", mark)
    assert not ring().mac_matches("dpop nonce", b"data", mark)
    assert not ring().mac_matches("csrf", b"other", mark)
    assert not ring(STRANGE).mac_matches("csrf", b"data", mark)
    assert not ring().mac_matches("csrf", b"data", mark[:31])
    assert not ring().mac_matches("csrf", b"data", b"")


def test_a_mark_of_a_previous_secret_still_fits() -> None:
    mark = ring(OLD).mac("csrf", b"data")
    assert ring(NEW, OLD).mac_matches("csrf", b"data", mark)
    assert ring(NEW, OLD).mac("csrf", b"data") == ring(NEW).mac("csrf", b"data")


def test_keys_of_different_uses_differ() -> None:
    assert len({derive(NEW, use) for use in ("seal", "mac csrf", "mac dpop nonce", "")}) == 4
    assert len(derive(NEW, "key id", 4)) == 4


@pytest.mark.parametrize("secrets", [(b"",), (b"short",), (bytes(33),), (NEW, b"x"), (NEW, NEW), (NEW, OLD, OLD)])
def test_a_secret_of_another_size_or_twice_is_refused(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="secret"):
        ring(*secrets)


def test_a_ring_does_not_show_its_secrets_in_a_log() -> None:
    shown = repr(ring(NEW, OLD))
    assert NEW.hex() not in shown
    assert repr(NEW) not in shown
    assert "keys=2" in shown


@given(st.binary(max_size=300))
def test_a_mark_is_the_hmac_under_the_key_of_its_use(data: bytes) -> None:
    assert ring().mac("csrf", data) == hmac.digest(derive(NEW, "mac csrf"), data, "sha256")
