"""Tests of the shared records."""
