"""The heads of KS, SID and ER give what s3prl's own modules give, with the labels in the order of the logits."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.errors import ArtifactError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.names import resolve

from .s3prl_experiment import LABELS, NAME, experiment, logits

KNOWN = {
    "speech_commands": ("ks", {0: "yes", 9: "go", 10: "_unknown_", 11: "_silence_"}),
    "voxceleb1": ("sid", {0: "id10001", 1250: "id11251"}),
    "emotion": ("er", {0: "hap", 1: "sad", 2: "neu", 3: "ang"}),
}


@pytest.mark.parametrize("downstream", LABELS)
def test_a_head_gives_the_logits_of_s3prls_modules(downstream, tmp_path):
    trained = experiment(tmp_path / "trained", downstream=downstream)
    head = read_head(trained, resolve(NAME))
    task, labels = KNOWN[downstream]
    assert head.task == task and len(head.labels) == LABELS[downstream]
    assert {at: head.labels[at] for at in labels} == labels
    generator = torch.Generator().manual_seed(1)
    wavs = [0.1 * torch.randn(samples, generator=generator) for samples in (9000, 5000)]
    upstream = registry.build_upstream(NAME).eval()
    with torch.no_grad():
        found = [head.layer(upstream([wav])["hidden_states"]) for wav in wavs]
        expected = torch.cat([logits(trained, [wav]) for wav in wavs])
    np.testing.assert_allclose(torch.cat(found), expected, atol=1e-5)


def test_ER_without_its_list_of_labels_is_refused(tmp_path):
    trained = experiment(tmp_path / "er", downstream="emotion")
    shutil.rmtree(Path(trained / "meta"))
    with pytest.raises(ArtifactError, match="train_meta_data.json"):
        read_head(trained, resolve(NAME))
