"""Cells, whichever way they are run: planned, claimed, locked, launched, resumed, collected and reported once."""
