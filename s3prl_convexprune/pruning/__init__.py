"""Cutting an upstream at a depth, and what a depth costs."""
