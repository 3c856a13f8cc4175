"""One language: options, errors of one line, JSON for programs, names for the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.cli.parser import VERBS, verb_parser
from s3prl_convexprune.upstreams.config_search import user_configs_dir
from s3prl_convexprune.upstreams.names import resolve
from s3prl_convexprune.versions import __version__
from tests.analysis.test_select import analysis

#: What an option means everywhere: its names, and whether it takes several values.
SHARED = {
    "upstream": (["-u", "--upstream"], None),
    "ckpt": (["-k", "--ckpt"], None),
    "output": (["-o", "--output"], None),
    "task": (["-t", "--task"], None),
    "device": (["--device"], None),
    "seeds": (["--seeds"], "+"),
    "folds": (["--folds"], "+"),
    "json": (["--json"], 0),
}


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_has_one_name_and_one_kind_in_every_verb(verb):
    for action in verb_parser(verb)._actions:
        assert not any("_" in name for name in action.option_strings), action.option_strings
        if action.option_strings and action.dest in SHARED:
            names, nargs = SHARED[action.dest]
            assert action.option_strings == names
            assert nargs is None or action.nargs == nargs
    stated = {action.dest: action.default for action in verb_parser(verb)._actions}
    assert stated.get("device") == ("cpu" if verb == "profile" else None)


@pytest.mark.parametrize("arguments", [["-V"], ["--version"], ["-h"], ["help"], ["help", "run"], ["run", "-h"], []])
def test_what_is_asked_for_is_printed(arguments, capsys):
    try:
        assert main(arguments) == 0
    except SystemExit as end:  # argparse's own way to end after help and version
        assert end.code == 0
    printed = capsys.readouterr().out
    if arguments in (["-V"], ["--version"]):
        assert printed.split() == ["s3prl-convexprune", __version__]
    elif "run" in arguments:
        assert printed.startswith("usage: s3prl-convexprune run ") and "--dry-run" in printed
    else:
        assert all(f"\n    {verb} " in printed for verb in VERBS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "no verb 'rnu'; did you mean 'run'?"),
        (["help", "shwo"], "no verb 'shwo'; did you mean 'show'?"),
        (["show"], "the following arguments are required: name"),
        (["list", "--base"], "there is no --base; did you mean '--bases'?"),
        (["list", "extra"], "there is no extra"),
        (["finetune", "-u", "a", "-t", "ks", "-o", "x", "--data-folder", "x", "--seed", "3"], "did you mean '--seeds'"),
        (["analyze", "-u", "a", "--corpus", "demo", "--label", "word", "--out", "x"], "required: -o/--output"),
        (["run", "-u", "a", "-t", "ks", "-o", "x", "--launcher", "slrm"], "invalid choice: 'slrm'"),
        (["run", "-u", "a", "-t", "ks", "-o", "x", "--seeds", "one"], "'one': expected a whole number"),
        (["show", "hubert_convexpruned_L13"], "hubert has 12 transformer layers; L13 is out of range 1..12"),
        (["export", "tiny_hubert", "-o", "x"], "a whole upstream, not a cut; its cuts: tiny_hubert_convexpruned_L<k>"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("s3prl-convexprune: error: ") and said in lines[0]
    assert not list(tmp_path.iterdir())


def read_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_says_what_the_text_says(capsys):
    listed = {row["name"]: row for row in read_json(capsys, "list")["configs"]}
    assert listed["hubert_convexpruned_half"]["layers"] == 6
    for name, facts in listed.items():
        assert read_json(capsys, "show", name) == facts
        assert main(["show", name]) == 0
        assert f"base: {facts['base']}" in capsys.readouterr().out
    bases = {row["name"]: row for row in read_json(capsys, "list", "--bases")["bases"]}
    assert (bases["wavlm_large"]["layers"], bases["wavlm_large"]["family"]) == (24, "wavlm")
    assert bases["hubert_local"]["needs_ckpt"] and bases["hubert_local"]["layers"] is None
    assert bases["mae_ast_frame"]["first_state"] == 1 and "apc" not in bases
    assert main(["list", "--bases"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, row in bases.items():
        line = next(line for line in lines if line.split()[:1] == [name])
        last = f"L1 to L{row['layers']}" if row["layers"] else "its checkpoint"
        assert row["family"] in line and last in line
        if row["layers"]:
            assert resolve(f"{name}_convexpruned_L{row['layers']}").base == name


@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        ("show wavlm_la", ["wavlm_large"], ["hubert"]),
        ("export hubert_convexpruned_h", ["hubert_convexpruned_half"], ["hubert"]),
        ("run -u wavlm_large_convexpruned_L2", [f"wavlm_large_convexpruned_L{k}" for k in range(20, 25)], []),
        ("run -u hubert -t k", ["ks"], ["er"]),
        ("finetune --dat", ["--data-folder"], []),
        ("lea", ["leaderboard"], ["list"]),
    ],
)  # fmt: skip
def test_a_shell_completes(typed, offered, not_offered, tmp_path):
    line = f"s3prl-convexprune {typed}"
    answer = tmp_path / "answer"
    shell = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    program = [sys.executable, "-m", "s3prl_convexprune.cli.main"]
    subprocess.run(program, env={**os.environ, **shell}, check=True, capture_output=True)
    found = [name.strip() for name in answer.read_text().split("\n")]
    assert set(offered) <= set(found) and not set(not_offered) & set(found)


@pytest.mark.parametrize("searched", [True, False])
def test_a_written_config_says_how_it_is_found(searched, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = user_configs_dir() if searched else tmp_path / "a folder"
    folder.mkdir(parents=True)
    analysis([60, 80, 70]).write(tmp_path / "analysis.json")
    arguments = ["select", str(tmp_path / "analysis.json"), "--name", "my_cut", "-o", str(folder / "my_cut.yaml")]
    assert main(arguments) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    command = "run_downstream.py -u my_cut"
    assert (f"use it: {command}" in said) == searched
    assert (f"S3PRL_CONVEXPRUNE_CONFIGS='{folder}' {command}" in said and str(user_configs_dir()) in said) != searched
    found = json.loads(main([*arguments, "--json"]) or capsys.readouterr().out)
    assert (found["layer"], found["config"]["layers"], found["path"]) == (1, 1, str(folder / "my_cut.yaml"))


@pytest.mark.parametrize("policy", ["budget", "argmax"])
def test_a_budget_speaks_of_the_options(policy, tmp_path, capsys):
    analysis([60, 80, 70]).write(tmp_path / "analysis.json")
    share = [] if policy == "budget" else ["--max-macs", "0.5"]
    assert main(["select", str(tmp_path / "analysis.json"), "--policy", policy, *share]) == 2
    assert "--max-macs" in capsys.readouterr().err and not list(tmp_path.glob("*.yaml"))
