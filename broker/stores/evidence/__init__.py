"""Stores of the bytes of evidence files: a folder, or an S3-compatible object store.

Both hold sealed bytes under a name that is drawn at random, and know nothing about them. Which file they belong to
stands in the database (`broker.stores.sql.evidence_files`), in a row that is written before the first byte and deleted
after the last one: what an interrupted upload left is found by its row.
"""
