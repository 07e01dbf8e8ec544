"""An assert outside a test file, for tests/test_asserts.py to see whether Python executes it."""


def claim(*, truth: bool) -> None:
    """Assert it."""
    assert truth
