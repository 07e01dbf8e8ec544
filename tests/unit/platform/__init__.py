"""Tests of broker/platform."""
