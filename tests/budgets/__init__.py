"""Budgets of calls to stores and providers, counted at their boundary: figures that no load of the machine changes."""
