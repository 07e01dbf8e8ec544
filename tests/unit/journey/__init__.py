"""The rules of one transaction."""
