"""Tests of broker/settings."""
