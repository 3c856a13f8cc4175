"""A family that another package adds, really installed: its cuts are like ours; a broken one is left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = {
    "pyproject.toml": """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "toy-upstream"
version = "1.0"
[project.entry-points."s3prl_convexprune.families"]
toy = "toy_upstream.family:TOY"
broken = "toy_upstream.family:NOT_THERE"
""",
    "toy_upstream/__init__.py": "",
    "toy_upstream/expert.py": """
import torch
from torch import nn

class Toy(nn.Module):
    def __init__(self, ckpt=None, **kwargs):
        super().__init__()
        torch.manual_seed(0)
        self.front = nn.Linear(320, 8)
        self.steps = nn.ModuleList(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True) for _ in range(5))

    def get_downsample_rates(self, key=None):
        return 320

    def forward(self, wavs):
        frames = torch.stack([wav[: len(wav) // 320 * 320].view(-1, 320) for wav in wavs])
        states = [self.front(frames)]
        for step in self.steps:
            states.append(step(states[-1]))
        return {"hidden_states": states}
""",
    "toy_upstream/family.py": """
from s3prl_convexprune.upstreams.family import Family

def toy(ckpt=None, *args, **kwargs):
    from .expert import Toy
    return Toy(ckpt)

TOY = Family("toy", ("toy_upstream.expert",), stack="steps", adds=(toy,))
""",
}

PROGRAM = """
import torch
from s3prl_convexprune.upstreams.cost import count_params, depth_costs
from s3prl_convexprune.upstreams.registry import build_upstream

wavs = [torch.randn(16000, generator=torch.Generator().manual_seed(1))]
whole, cut = build_upstream("toy").eval(), build_upstream("toy_convexpruned_L2").eval()
with torch.no_grad():
    states, expected = cut(wavs)["hidden_states"], whole(wavs)["hidden_states"]
print(len(expected), len(states), all(map(torch.equal, states, expected)))
print(depth_costs(whole, 0.1)[2].params == count_params(cut), count_params(cut) < count_params(whole))
try:
    build_upstream("toy_convexpruned_L6")
except Exception as error:
    print(error)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name, text in PACKAGE.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", target, source], check=True, capture_output=True)
    path = os.pathsep.join([str(target), str(Path(__file__).parents[2])])
    environ = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True)


def test_its_cuts_are_prefixes_with_costs_and_depths(finished):
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines() == [
        "6 3 True",
        "True True",
        "toy has 5 transformer layers; L6 is out of range 1..5",
    ]


def test_a_family_that_does_not_load_is_named_and_left_out(finished):
    said = [line for line in finished.stderr.splitlines() if "broken" in line]
    assert len(said) == 1 and "toy_upstream.family:NOT_THERE" in said[0]
