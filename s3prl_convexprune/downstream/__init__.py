"""s3prl's own program, `run_downstream.py`, with this package in it: arguments, recipes, checks before the work."""
