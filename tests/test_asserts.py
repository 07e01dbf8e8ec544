"""An assert of a test is carried out however Python was started: `python -O` takes out only those of the product."""

import pytest

from tests.support import claims


def test_an_assert_in_a_test_fails_when_it_is_false() -> None:
    with pytest.raises(AssertionError):
        assert [] == ["something"]


def test_an_assert_in_a_helper_of_the_tests_fails_when_it_is_false() -> None:
    with pytest.raises(AssertionError):
        claims.claim(truth=False)
