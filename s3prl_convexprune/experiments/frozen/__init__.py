"""Cells with a frozen upstream, run through s3prl's own runner."""
