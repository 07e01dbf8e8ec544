"""Portico: a broker between government services and the identity providers that citizens choose."""
