"""Mirrors the tree of the product; whole/ holds journeys in a browser, machine/ the real servers they run against."""
