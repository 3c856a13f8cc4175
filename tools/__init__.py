"""What made the demo's corpus and model. Not installed: run from a checkout or the sdist, ``python -m tools.X``."""
