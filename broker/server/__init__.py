"""TODO: what happens in this package."""
