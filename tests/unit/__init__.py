"""Tests of single modules; the folders mirror broker and providers."""
