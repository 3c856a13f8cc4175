"""`s3prl-convexprune doctor`."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from . import options

TITLES = {
    "installed": "Installed",
    "hook": "Import hook",
    "remedies": "Remedies for s3prl on this stack",
    "configs": "Upstream configs",
    "recipes": "Recipes (s3prl's name, -d)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.json_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report. Returns 1 when nothing can run as things are, else 0."""
    from ..doctor import examine

    if args.json:
        findings = list(examine())
        options.print_json({"findings": [asdict(finding) for finding in findings]})
        return int(any(finding.broken for finding in findings))
    section, broken = None, False
    for finding in examine():
        if finding.section != section:
            print(f"{'' if section is None else chr(10)}{TITLES[finding.section]}")
            section = finding.section
        print(f"  {' ' if finding.ok else '!'} {finding.name:<20} {finding.state}")
        broken = broken or finding.broken
    return int(broken)
