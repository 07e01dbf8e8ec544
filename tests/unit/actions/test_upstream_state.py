"""The `state` of a request to a provider: letters and digits, and back."""

import pytest

from broker.actions.sign_in.provider_login import read_state, upstream_state
from broker.model.handle import new_handle
from broker.platform.system import System


def test_a_state_holds_both_handles_in_letters_and_digits(system: System) -> None:
    for _ in range(100):
        handle, attempt = new_handle(system), new_handle(system)
        state = upstream_state(handle, attempt)
        assert state.isalnum()
        assert state.isascii()
        assert 32 <= len(state) <= 128
        assert read_state(state) == (handle, attempt)


@pytest.mark.parametrize("text", ["", "a.b", "a" * 95, "a" * 97, "A" * 96, " " * 96, "é" * 96, "a" * 95 + "\n"])
def test_another_text_is_no_state(text: str) -> None:
    assert read_state(text) is None
