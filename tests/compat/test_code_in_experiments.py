"""Code in what a downstream run leaves or keeps: its checkpoints, its cached lists, and a hub that they name."""

from __future__ import annotations

import argparse
import pickle
import sys

import pytest
import torch

from s3prl_convexprune.errors import CheckpointError
from tests.compat.payload import Payload

pytestmark = pytest.mark.usefixtures("nothing_ran")


def past_experiment(monkeypatch, path, *options: str):
    """What s3prl's program reads from its arguments when it is to go on from an experiment."""
    from s3prl import run_downstream

    monkeypatch.setattr(sys, "argv", ["run_downstream.py", "-m", "evaluate", *options, str(path)])
    return run_downstream.get_downstream_args()


def test_a_downstream_checkpoint(monkeypatch, tmp_path):
    honest = {"Args": argparse.Namespace(expdir="exp", upstream="fbank"), "Config": {"runner": {}}}
    torch.save(honest, tmp_path / "dev-best.ckpt")
    assert past_experiment(monkeypatch, tmp_path / "dev-best.ckpt", "-e")[0].upstream == "fbank"
    torch.save(honest | {"Step": Payload(tmp_path / "ran")}, tmp_path / "dev-best.ckpt")
    with pytest.raises(CheckpointError, match="was refused and not run"):
        past_experiment(monkeypatch, tmp_path / "dev-best.ckpt", "-e")
    import s3prl.downstream.runner as runner

    with pytest.raises(CheckpointError, match="was refused and not run"):
        runner.Runner(
            argparse.Namespace(
                init_ckpt=tmp_path / "dev-best.ckpt", device="cpu", downstream="emotion", mode="evaluate"
            ),
            {},
        )


def test_a_program_of_a_clone_is_guarded_too(monkeypatch, tmp_path):
    """`python run_downstream.py` in a clone: its module is __main__, which no import finds."""
    from types import ModuleType

    from s3prl_convexprune.compat import checkpoint_code

    program = ModuleType("__main__")
    program.__file__ = str(tmp_path / "run_downstream.py")
    vars(program).update(torch=torch)
    monkeypatch.setitem(sys.modules, "__main__", program)
    checkpoint_code.guard_program(program)
    torch.save({"Args": Payload(tmp_path / "ran")}, tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError):
        vars(program)["torch"].load(tmp_path / "evil.ckpt", weights_only=False)
    assert vars(program)["torch"].nn is torch.nn


def test_code_from_a_hub_needs_the_users_own_word(monkeypatch, tmp_path):
    args = argparse.Namespace(hub="huggingface", upstream="some/repo", expdir="exp")
    torch.save({"Args": args, "Config": {}}, tmp_path / "dev-best.ckpt")
    with pytest.raises(CheckpointError, match="asks for code from the Hugging Face hub .some/repo"):
        past_experiment(monkeypatch, tmp_path / "dev-best.ckpt", "-e")
    path = tmp_path / "dev-best.ckpt"
    with pytest.raises(CheckpointError, match="asks for code from the Hugging Face hub .some/repo"):
        past_experiment(monkeypatch, path, "--hub", "torch", "-e")
    assert past_experiment(monkeypatch, path, "--hub", "huggingface", "-e")[0].upstream == "some/repo"
    assert past_experiment(monkeypatch, path, "--hub=huggingface", "-e")[0].upstream == "some/repo"


def test_arguments_are_a_namespace_and_nothing_else_with_attributes(monkeypatch, tmp_path):
    """s3prl takes `vars` of whatever it is, and a weight may stand in a checkpoint."""
    args = torch.nn.Parameter(torch.zeros(1))
    vars(args).update(hub="torch", from_hf_hub=True, upstream="some/repo", expdir="exp")
    torch.save({"Args": args, "Config": {}}, tmp_path / "dev-best.ckpt")
    with pytest.raises(CheckpointError, match="its Args are of type Parameter; expected a Namespace"):
        past_experiment(monkeypatch, tmp_path / "dev-best.ckpt", "-e")


def test_a_cached_list_of_files_is_a_list(tmp_path):
    import s3prl.downstream.voxceleb2_amsoftmax_segment_eval.dataset as dataset

    (tmp_path / "list.pkl").write_bytes(pickle.dumps({"a": [1, "b"]}))
    with (tmp_path / "list.pkl").open("rb") as file:
        assert dataset.pickle.load(file) == {"a": [1, "b"]}
    (tmp_path / "list.pkl").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    with (tmp_path / "list.pkl").open("rb") as file, pytest.raises(CheckpointError):
        dataset.pickle.load(file)


def test_torch_and_pickle_themselves_are_not_touched(tmp_path):
    assert torch.load.__module__ == "torch.serialization" and pickle.load.__module__ == "_pickle"
    import s3prl.problem.base

    assert s3prl.problem.base.torch is torch
