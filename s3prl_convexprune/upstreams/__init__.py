"""Upstreams: names on the hub, configs, families, the cut, lean loading, cost and export."""
