"""Verification cases: what happens when a person helps. Rules and frozen records alone."""
