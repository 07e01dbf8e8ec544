"""The protocol as functions from text and records to values. It knows no network, no store and no clock."""
