"""Code in a checkpoint: refused, and not run, on every way that leads to a whole upstream or a downstream run."""

from __future__ import annotations

import argparse
import os
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from s3prl_convexprune import safe_eval, safe_load
from s3prl_convexprune.errors import CheckpointError
from s3prl_convexprune.upstreams import registry
from tests.checkpoints import CASES

FAMILIES = {case.family: case for case in CASES.values() if case.entry and not case.entry.startswith("hf_")}
BOMBS = [
    "[(1,1,1)] * 10**9",
    "[(1,1,1)] * 999999999 * 999999999",
    "9" * 4000,
    "(" * 4000,
    "-" * 4000 + "1",
    "1" + "+1" * 2000,
    "[[1] * 100] * 1000",
    "[]" * 100_000,
]
CODE = [
    "__import__('os').mkdir('ran') or [(1,1,1)]",
    "(lambda: [(1,1,1)])()",
    "[x for x in [(1,1,1)]]",
    "().__class__",
    "open",
    "'a' * 5",
    "f'{1}'",
    "{}",
    "1 if 1 else 2",
    "10 ** 9",
    "[*[1]]",
    "math.pi",
]


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path, monkeypatch):
    """Wherever a payload would leave its mark, it must not be; and torch's own guard is switched off."""
    registry.load_hub()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    yield
    assert not (tmp_path / "ran").exists()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A function from a case's name to its checkpoint's content."""
    made: dict[str, Path] = {}

    def content(name: str) -> Any:
        if name not in made:
            made[name] = CASES[name].build(tmp_path_factory.mktemp(name))
        return torch.load(made[name], weights_only=False)

    return content


def configs(states: Any) -> list[Any]:
    """Every dict or Namespace of settings in a checkpoint, however deep."""
    node = vars(states) if isinstance(states, argparse.Namespace) else states
    if not isinstance(node, dict):
        return []
    return [node, *(found for value in node.values() for found in configs(value))]


def as_whole(case, path):
    """The hub's own entry, as `run_downstream.py`, `S3PRLUpstream` and torch.hub call it."""
    return getattr(registry.load_hub(), case.entry)(ckpt=str(path), refresh=False)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_in_a_whole_upstreams_checkpoint(family, zipped, checkpoint, tmp_path):
    case = FAMILIES[family]
    states = checkpoint(case.name) | {"extra": Payload(tmp_path / "ran")}
    torch.save(states, tmp_path / "evil.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"pickled code \((posix|nt)\.mkdir\): it was refused and not run"):
        as_whole(case, tmp_path / "evil.pt")


WITH_STRINGS = [
    case
    for case in FAMILIES.values()
    if case.family not in ("mockingjay", "tera", "audio_albert", "decoar2", "mae_ast")
]


@pytest.mark.parametrize("case", WITH_STRINGS, ids=lambda case: case.family)
def test_code_in_a_string_that_s3prl_evaluates(case, checkpoint, tmp_path):
    states = checkpoint(case.name)
    strings = [
        (holder, key)
        for holder in configs(states)
        for key, value in holder.items()
        if key in safe_load.EVALUATED and isinstance(value, str)
    ]
    assert strings
    for holder, key in strings:
        whole = holder[key]
        holder[key] = f"__import__('os').mkdir('ran') or {whole}"
        torch.save(states, tmp_path / "evil.pt")
        for build in (as_whole, lambda case, path: registry.build_upstream(case.entry, ckpt=str(path))):
            with pytest.raises(CheckpointError, match=f"evil.pt holds code in its config .{key}"):
                build(case, tmp_path / "evil.pt")
        holder[key] = whole


def test_code_in_the_name_of_a_feature(checkpoint, tmp_path):
    """The Mockingjay family names a function of torchaudio, which s3prl evaluates too."""
    states = checkpoint("mockingjay-post")
    audio = next(holder for holder in configs(states) if "kaldi" in holder)
    audio["kaldi"]["feat_type"] = "fbank, __import__('os').mkdir('ran')"
    audio["kaldi"][audio["kaldi"]["feat_type"]] = {}
    torch.save(states, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match="holds code"):
        as_whole(CASES["mockingjay-post"], tmp_path / "evil.pt")


@pytest.mark.parametrize("family", ["hubert", "wavlm", "data2vec", "distilhubert", "mockingjay"])
def test_an_honest_checkpoint_loads_as_before(family, checkpoint, tmp_path):
    """With an optimiser's state that holds a schedule of s3prl's, as its own pretraining wrote it."""
    import s3prl.optimizers

    case = FAMILIES[family]
    schedule = s3prl.optimizers.WarmupLinearSchedule(0.07, 1000)
    extra = {"Args": argparse.Namespace(seed=1), "Optimizer": {"param_groups": [{"schedule": schedule}]}}
    torch.save(checkpoint(case.name) | extra, tmp_path / "honest.pt")
    allowed = set(torch.serialization.get_safe_globals())
    upstream = as_whole(case, tmp_path / "honest.pt").eval()
    assert set(torch.serialization.get_safe_globals()) == allowed
    with torch.no_grad():
        assert len(upstream([torch.randn(8000)])["hidden_states"]) > case.layers


@pytest.mark.parametrize("text", [*CODE, *BOMBS], ids=lambda text: text[:20])
def test_what_is_not_arithmetic(text):
    with pytest.raises(CheckpointError, match="refused and not run") as refused:
        safe_eval.arithmetic(text)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2",
        " 3 * [(512, 4, 2)]",
        "[4, 8, 4]",
        "[(512, 10, 5.0, -1)]",
        "(1,)",
        "[]",
        "-math.inf",
    ],
)
def test_arithmetic_is_what_python_makes_of_it(text):
    import math

    assert safe_eval.arithmetic(text) == eval(text, {"math": math})


def test_names_that_a_recipe_may_hold(monkeypatch):
    import s3prl.downstream.emotion.expert as emotion
    import s3prl.optimizers as optimizers

    assert emotion.eval is optimizers.eval is safe_eval.evaluate
    scope = {"evaluate": safe_eval.evaluate, "os": os, "Linear": nn.Linear, "get_Adam": optimizers.get_Adam}

    def evaluated(text):
        return eval("evaluate(text)", scope, {"text": text, "self": Holder()})

    class Holder:
        train = "bound"

    assert evaluated("Linear") is nn.Linear and evaluated("get_Adam") is optimizers.get_Adam
    assert evaluated("self.train") == "bound"
    refused = ["os", "os.system", "evaluate", "absent", "self.__class__", "self.train.upper", "Linear()"]
    for text in [*refused, "torchaudio.compliance.kaldi.math", "torchaudio.compliance.kaldi.fbank.__globals__"]:
        with pytest.raises(CheckpointError):
            evaluated(text)


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
    assert past_experiment(monkeypatch, path, "--hub", "huggingface", "-e")[0].upstream == "some/repo"


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


@pytest.mark.parametrize("case", ["hf_hubert-post", "hf_wav2vec2-post", "hf_wavlm-post"])
@pytest.mark.parametrize("config", ["config.json", "preprocessor_config.json"])
def test_auto_map_runs_nothing(case, config, tmp_path):
    """A folder with code of its own is loaded by what its config says it is, without it."""
    import json

    folder = CASES[case].build(tmp_path / "folder")
    (folder / "evil.py").write_text("import os\nos.mkdir('ran')\nclass Evil: pass\n")
    content = json.loads((folder / config).read_text())
    auto_map = {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil", "AutoFeatureExtractor": "evil.Evil"}
    (folder / config).write_text(json.dumps(content | {"auto_map": auto_map}))
    assert registry.build_upstream(CASES[case].entry, ckpt=str(folder)) is not None


def test_attention_from_a_hub_is_not_fetched(tmp_path):
    import json

    folder = CASES["hf_hubert-post"].build(tmp_path / "folder")
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | {"attn_implementation": "someone/kernels"}))
    with pytest.raises(CheckpointError, match="attn_implementation names code"):
        registry.build_upstream("hf_hubert_custom", ckpt=str(folder))


@pytest.mark.parametrize("case", ["hf_hubert-post", "hf_wav2vec2-post", "hf_wavlm-post"])
def test_a_pickle_in_a_whole_transformers_folder(case, tmp_path):
    folder = CASES[case].build(tmp_path / "folder")
    (folder / "model.safetensors").unlink()
    torch.save({"extra": Payload(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError):
        registry.build_upstream(CASES[case].entry, ckpt=str(folder))
    shutil.rmtree(folder)


#: What s3prl evaluates where the guard is not: names of its own layers and modes, and the user's command line.
OWN_TEXT = {"module_name", "hook.module_path", "value_str", "f'runner.{args.mode}'", "'runner.train'"}
OWN_TEXT |= {"f'tester1.{args1.mode}'", "f'tester2.{args2.mode}'"}


def test_no_evaluation_and_no_loading_in_s3prl_is_left_out():
    """Read from its source, so that a new version of s3prl cannot bring one unseen."""
    import ast

    import s3prl

    from s3prl_convexprune.compat.checkpoint_code import EVALUATING, OWN_EXPERIMENTS

    package = Path(s3prl.__file__).parent
    found = 0
    for path in package.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        name = ".".join(("s3prl", *path.relative_to(package).with_suffix("").parts))
        if name.startswith(OWN_EXPERIMENTS) or not any(word in source for word in ("eval(", "exec(", "load(")):
            continue
        own_paths = name.startswith("s3prl.upstream.") and name.endswith((".expert", ".interfaces", ".hubconf"))
        guarded = name.startswith(EVALUATING) and not own_paths
        tree = ast.parse(source)
        for node in ast.walk(tree):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called in ("eval", "exec") and not guarded:
                assert called == "eval" and ast.unparse(node.args[0]) in OWN_TEXT, (name, ast.unparse(node))
            found += called == "eval" and guarded
            if isinstance(node, ast.Import) and any(part.name == "torch" for part in node.names):
                assert all(part.asname is None for part in node.names if part.name == "torch"), name
            if isinstance(node, ast.ImportFrom) and node.module in ("torch", "torch.serialization", "pickle"):
                assert not {part.name for part in node.names} & {"load", "loads", "Unpickler"}, name
        local = [
            node
            for function in ast.walk(tree)
            if isinstance(function, (ast.FunctionDef, ast.ClassDef))
            for node in ast.walk(function)
            if isinstance(node, ast.Import) and any(part.name == "torch" for part in node.names)
        ]
        assert not local, name
    assert found > 30
