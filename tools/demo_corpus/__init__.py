"""Make the demo's corpus of synthetic speech: ``python -m tools.demo_corpus -o FOLDER``."""
