"""The vocabulary that every room shares: frozen records and closed sets, no behaviour that needs a clock or a store."""
