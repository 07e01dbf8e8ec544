"""Tests: unit mirrors the product, contracts tests the stores, e2e whole sign-ins. Lanes: docs/testing.md."""
