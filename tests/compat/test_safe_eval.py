"""What s3prl evaluates: arithmetic and names of its own, and nothing else; no place of it is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from torch import nn

from s3prl_convexprune import safe_eval
from s3prl_convexprune.errors import CheckpointError

pytestmark = pytest.mark.usefixtures("nothing_ran")

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
