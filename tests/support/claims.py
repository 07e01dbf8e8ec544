"""An assert outside a test file, for tests/test_asserts.py to see whether it is carried out."""


def claim(truth: bool) -> None:
    """Assert it."""
    assert truth
