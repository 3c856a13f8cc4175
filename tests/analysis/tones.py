"""A command on the corpus of tones, for the files about `analyze`."""

from __future__ import annotations

from s3prl_convexprune import compat

compat.apply()

from tests.checkpoints import CASES  # noqa: E402

CASE = CASES["hubert-post"]


WORDS = ("yes", "no", "up")


def arguments(ckpt, manifest, output, **changes):
    given = {
        "--upstream": CASE.entry, "--ckpt": ckpt, "--corpus": str(manifest), "--label": "word",
        "--output": str(output), "--neighbors": "4", **changes,
    }  # fmt: skip
    return ["analyze", *(part for key, value in given.items() if value is not None for part in (key, value))]
