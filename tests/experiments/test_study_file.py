"""A study's YAML: what is wrong in it is said in one line, with its place, before anything is imported or run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.experiments.cuts import hub_name
from s3prl_convexprune.experiments.planned import steps
from s3prl_convexprune.experiments.study_file import find_study, read_study, study_names
from s3prl_convexprune.upstreams.config import load_config

GOOD = {
    "study": "mine",
    "upstreams": ["hubert", {"hf_wav2vec2_custom": "org/ccc-wav2vec2-base"}],
    "analyses": {"word": {"corpus": "speech_commands", "label": "word"}},
    "cuts": ["whole", "argmax", {"budget": {"max_macs": 0.6}}],
    "evaluate": [{"task": "ks", "seeds": [1]}],
}


def written(folder: Path, **changes: object) -> Path:
    content = {key: value for key, value in (GOOD | changes).items() if value is not None}
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    return folder / "study.yaml"


@pytest.mark.parametrize("name", study_names())
def test_those_that_ship_are_good(name, tmp_path):
    study = read_study(name)
    assert study.name == name
    assert len(list(steps(study, name, tmp_path))) > len(study.analyses)


def test_what_it_says(tmp_path):
    study = read_study(written(tmp_path))
    hubert, ccc = study.bases
    assert (hubert.name, hubert.entry, hubert.ckpt) == ("hubert", "hubert", None)
    assert (ccc.name, ccc.entry, ccc.ckpt) == ("ccc_wav2vec2_base", "hf_wav2vec2_custom", "org/ccc-wav2vec2-base")
    assert [choose.title for choose in study.cuts] == ["whole", "argmax", "budget max_macs=0.6"]
    assert study.labelling_of(study.evaluate[0]) == "word"
    assert study.analyses["word"].neighbors == 10 and study.evaluate[0].how == "frozen"


def test_cuts_keep_the_last_layer_norm_where_the_study_says_so(tmp_path):
    """Such a cut has a config, and a name of its own: a folder may hold both kinds."""
    large = {"wavlm_large": None, "name": "large", "final_norm": "keep"}
    kept, dropped = read_study(written(tmp_path, upstreams=[large, "hubert"])).bases
    assert (kept.entry, kept.ckpt, kept.final_norm) == ("wavlm_large", None, "keep")
    name = hub_name(kept, 9, 24, tmp_path)
    config = load_config(tmp_path / "upstream_configs" / f"{name}.yaml")
    assert (config.name, config.base, config.layers, config.final_norm) == (name, "wavlm_large", 9, "keep")
    assert (
        hub_name(kept, 24, 24, tmp_path) == "wavlm_large"
        and hub_name(dropped, 9, 12, tmp_path) == "hubert_convexpruned_L9"
    )
    assert [path.stem for path in (tmp_path / "upstream_configs").iterdir()] == [name]


def test_what_the_errors_count_is_in_the_command(tmp_path):
    analyses = {"speaker": {"corpus": "voxceleb1", "label": "speaker", "group": "session"}}
    study = read_study(written(tmp_path, analyses=analyses, evaluate=[{"task": "sid"}]))
    words = shlex.split(next(steps(study, "mine.yaml", tmp_path)).command)
    assert words[words.index("--group") + 1] == "session"


def test_an_override_changes_one_value(tmp_path):
    study = read_study(written(tmp_path), ["evaluate.0.seeds=[4, 5]", "analyses.word.per_class=50"])
    assert study.evaluate[0].seeds == [4, 5] and study.analyses["word"].per_class == 50


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("overrides", [(), ("margin=2", 'evaluate.0={"task": "ks",\n"seeds": [4]}')])
def test_what_is_kept_alone_says_the_same_study(overrides, end, tmp_path):
    file = written(tmp_path, margin=1.0)
    file.write_text(file.read_text().rstrip("\n") + end)
    study = read_study(file, overrides)
    kept = tmp_path / "kept.yaml"
    kept.write_text(study.text)
    assert replace(read_study(kept), text="") == replace(study, text="")
    assert study.text == file.read_text() if not overrides else study.text.startswith("# --override margin=2\n# ")


def test_the_report_alone_is_of_the_same_study(tmp_path, capsys):
    file, changed = str(written(tmp_path)), ["evaluate.0.seeds=[4, 5]", "cuts=[whole]"]
    assert main(["study", file, "-o", str(tmp_path / "a b"), "--dry-run", "--override", *changed]) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    given = words.index("--override")
    assert words[2:given] == [file, "-o", str(tmp_path / "a b"), "--only", "report"]
    assert read_study(words[2], words[given + 1 :]) == read_study(file, changed) != read_study(file)


@pytest.mark.parametrize("data", [None, "demo"])
def test_a_printed_command_can_be_given(data, tmp_path):
    """As the engine gives it: null for None. The embedded corpus is not there before the study lays it out."""
    common = {"seeds": [1]} | ({"data": data} if data else {})
    frozen = common | {"task": "er", "overrides": {"config.downstream_expert.datarc.test_fold": "fold2"}}
    tuned = common | {"task": "ks", "how": "finetuned", "overrides": {"num_workers": 0, "wav_augment": None}}
    file = written(
        tmp_path,
        evaluate=[frozen, tuned],
        analyses=GOOD["analyses"] | {"emotion": {"corpus": "iemocap", "label": "emotion"}},
    )
    er, *ks = [
        shlex.split(step.command)
        for step in steps(read_study(file), str(file), tmp_path)
        if step.title.startswith(("ER", "KS"))
    ]
    if data:
        alone = ["s3prl-convexprune", "study", str(file), "-o", str(tmp_path), "--only", "cells"]
        assert [er, *ks] == [alone] * 3
    else:
        assert "config.downstream_expert.datarc.test_fold='fold2'" in er
        for command in ks:
            assert command[command.index("--override") + 1 :] == ["num_workers=0", "wav_augment=null"]


def test_a_hyperparameter_that_the_comparison_decides_is_said_before_any_work(tmp_path, capsys):
    file = written(tmp_path, evaluate=[{"task": "ks", "how": "finetuned", "overrides": {"seed": 5}}])
    assert main(["study", str(file), "-o", str(tmp_path / "out"), "--dry-run"]) == 2
    assert "the comparison itself decides seed; use --seeds" in capsys.readouterr().err


BAD = {
    "a key": ({"upstraems": ["hubert"]}, "no key 'upstraems'; did you mean 'upstreams'"),
    "no upstream": ({"upstreams": None}, "'upstreams' is missing"),
    "an upstream": ({"upstreams": [3]}, "upstreams: 3: expected a hub name"),
    "a name that the hub has": (
        {"upstreams": [{"hubert_custom": "x/hubert.pt"}]},
        "the hub already has an upstream named 'hubert'",
    ),
    "a last LayerNorm": (
        {"upstreams": [{"hubert": None, "final_norm": "kept"}]},
        "upstreams: final_norm: 'kept'; did you mean 'keep'",
    ),
    "a setting and no name": ({"upstreams": [{"final_norm": "keep"}]}, "expected a hub name, or {entry: checkpoint}"),
    "an upstream twice": ({"upstreams": ["hubert", "hubert"]}, "hubert is there twice"),
    "a rule": ({"cuts": ["argmin"]}, "no rule 'argmin'; did you mean 'argmax'"),
    "a rule's option": ({"cuts": [{"budget": {"macs": 1}}]}, "no key 'macs'; did you mean 'max_macs'"),
    "a rule without its option": ({"cuts": ["budget"]}, "the policy budget needs one of --max-params (max_params)"),
    "a task": ({"evaluate": [{"task": "kws"}]}, "no task 'kws'; did you mean 'ks'"),
    "a way to train": ({"evaluate": [{"task": "ks", "how": "forzen"}]}, "evaluate.0.how is 'forzen'; expected"),
    "seeds": ({"evaluate": [{"task": "ks", "seeds": 3}]}, "evaluate.0.seeds is 3; expected a list"),
    "a seed": ({"evaluate": [{"task": "ks", "seeds": ["1"]}]}, "evaluate.0.seeds.0 is '1'; expected a valid integer"),
    "no seed": ({"evaluate": [{"task": "ks", "seeds": []}]}, "'seeds' is empty"),
    "a fold": ({"evaluate": [{"task": "er", "analysis": "word", "folds": ["fold9"]}]}, "ER has no 'fold9'"),
    "an analysis": ({"evaluate": [{"task": "ks", "analysis": "wrod"}]}, "no analysis 'wrod'; did you mean 'word'"),
    "analyses after nothing": (
        {"evaluate": [{"task": "ks", "how": "finetuned", "after": ["word"], "cuts": ["argmax"]}]},
        "evaluation ks fine-tuned: 'after' is of whole upstreams; add 'whole' to its cuts",
    ),
    "an ambiguous analysis": ({"evaluate": [{"task": "er"}]}, "which analysis chooses its depths?"),
    "a task twice": ({"evaluate": [{"task": "ks"}, {"task": "ks"}]}, "ks is there twice"),
    "a labelling": ({"analyses": {"word": {"corpus": "x"}}}, "analyses.word: 'label' is missing"),
    "a number": (
        {"analyses": {"word": {"corpus": "x", "label": "y", "per_class": float("nan")}}},
        "analyses.word.per_class is",
    ),
    "a name": ({"study": "../x"}, "study '../x': expected a name of letters"),
    "a list": ({"evaluate": "ks"}, "evaluate is 'ks'; expected a list"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_named(case, tmp_path):
    changes, message = BAD[case]
    with pytest.raises(ConfigError) as caught:
        read_study(written(tmp_path, **changes))
    assert message in str(caught.value) and "study.yaml" in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text, message",
    [("[", "is not YAML"), ("- 1", "a study is a mapping"), ("x: " + "[" * 5000, "is nested too deeply")],
)
def test_what_is_no_study_is_refused(text, message, tmp_path):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_study(tmp_path / "s.yaml")


def test_names(tmp_path):
    assert find_study("demo").is_file()
    with pytest.raises(ConfigError, match="no study 'dmeo'; did you mean 'demo'"):
        read_study("dmeo")
    with pytest.raises(ConfigError, match="there is no study file"):
        read_study(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="expected KEY=VALUE with a key of the file"):
        read_study("demo", ["evaluate.9.seeds=[1]"])


def test_a_dry_run_of_every_study_imports_no_torch_and_writes_nothing(tmp_path):
    program = (
        "import sys\nfrom s3prl_convexprune.cli.main import main\n"
        f"codes = [main(['study', name, '-o', {str(tmp_path / 'out')!r}, '--dry-run']) for name in {study_names()}]\n"
        "print(codes, {'torch', 's3prl', 'transformers', 'numba'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.split("] ")[0].lstrip("[") == ", ".join("0" * len(study_names()))
    assert "torch" not in done.stderr and "transformers" not in done.stderr
    assert not (tmp_path / "out").exists()
    commands = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert len(commands) > 10 and all(line.startswith("s3prl-convexprune ") for line in commands)
