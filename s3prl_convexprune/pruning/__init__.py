"""Cutting upstreams: where each family keeps its layers, the cut itself, lean loading and export."""
