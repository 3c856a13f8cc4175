"""Bad input to `study`: the file, what it names, and what this machine lacks for it."""

from __future__ import annotations

from .row import Row

STUDY = """study: mine
upstreams: [{upstream}]
analyses:
  word: {{corpus: {corpus}, label: {label}{more}}}
cuts: [{cuts}]
evaluate: [{evaluate}]
"""


def study(
    upstream: str = "tiny_hubert",
    corpus: str = "demo",
    label: str = "word",
    more: str = "",
    cuts: str = "whole, argmax",
    evaluate: str = "{task: ks, data: demo}",
) -> dict[str, str]:
    """The file `s.yaml` with one thing changed."""
    given = {"upstream": upstream, "corpus": corpus, "label": label, "more": more}
    return {"s.yaml": STUDY.format(**given, cuts=cuts, evaluate=evaluate)}


RUN = "study s.yaml -o out"
FINETUNED = "{task: ks, how: finetuned, data: %s}"

ROWS = [
    Row("study: no such study", "study dmeo -o out", "demo"),
    Row("study: no such file", "study nowhere.yaml -o out", "nowhere.yaml"),
    Row("study: a folder", "study d.yaml -o out", "d.yaml", {"d.yaml/x": ""}),
    Row("study: not YAML", RUN, "not YAML", {"s.yaml": "["}),
    Row("study: an alias bomb", RUN, "values", {"s.yaml": "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [" + ",".join([f"*{chr(97 + i)}"] * 10) + "]\n" for i in range(9))}),
    Row("study: no such upstream", RUN, ("hubret", "hubert"), study("hubret")),
    Row("study: an upstream that cannot be cut", RUN, "acoustic features", study("fbank")),
    Row("study: a checkpoint that is not there", RUN, "nowhere.pt", study("{hubert_custom: nowhere.pt}")),
    Row("study: a checkpoint called as the hub calls another", RUN, "another name",
        study("{hf_hubert_custom: hubert}") | {"hubert/config.json": "{}"}),
    Row("study: no such corpus", RUN, "librispeech", study(corpus="librispech")),
    Row("study: no such label", RUN, "word", study(label="wrod")),
    Row("study: a corpus without its folder", RUN, "S3PRL_CONVEXPRUNE_DATA_IEMOCAP",
        study(corpus="iemocap", label="emotion", evaluate="{task: er, data: demo}")),
    Row("study: a manifest that is not there", RUN, "nowhere.csv", study(corpus="nowhere.csv")),
    Row("study: a Kaldi folder that is not there", RUN, "data/nowhere", study(corpus="data/nowhere")),
    Row("study: a folder that is no corpus", RUN, ("wav.scp", "Hugging Face"), study(corpus="d") | {"d/x": ""}),
    Row("study: a Kaldi folder without the label", RUN, ("'word'", "text"),
        study(corpus="d") | {"d/wav.scp": "u0 a.wav\nu1 b.wav\n", "d/text": "u0 yes\nu1 no\n"}),
    Row("study: a Kaldi folder with a shell command", RUN, "u0", study(corpus="d") | {"d/wav.scp": "u0 touch ran |\n"}),
    Row("study: a variable that is not set", RUN, "NO_SUCH_FOLDER",
        study(corpus="speech_commands", more=", root: $NO_SUCH_FOLDER")),
    Row("study: across what nobody has", RUN, ("--across", "speaker"), study(more=", across: spaeker"),
        leaves=("out", "out/analyses", "out/study.yaml")),
    Row("study: no such context", RUN, ("analyses.word.context", "'segment'"), study(more=", context: sentence")),
    Row("study: no such rule", RUN, "argmax", study(cuts="argmxa")),
    Row("study: layers dropped where only the top ones can be", RUN, "hf_hubert", study("distilhubert", cuts="bi")),
    Row("study: no margin", RUN, "margin", study(cuts="non-inferior")),
    Row("study: a margin below nothing", RUN, "margin", study(cuts="{non-inferior: {margin: -1}}")),
    Row("study: a margin of no points", f"{RUN} --override margin=-1", ("margin", "points"), study()),
    Row("study: a budget above all", RUN, "max_macs", study(cuts="{budget: {max_macs: 2}}")),
    Row("study: the paper's depth for another label", RUN, "words and speakers",
        study(label="emotion", cuts="whole, paper", evaluate="{task: er, data: demo}")),
    Row("study: no such task", RUN, "ks", study(evaluate="{task: kws}")),
    Row("study: a recipe without its corpus", RUN, "S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS",
        study(evaluate="{task: ks}")),
    Row("study: a folder for a frozen recipe", RUN, "data", study(evaluate="{task: ks, data: /tmp}")),
    Row("study: a fine-tuned task without its corpus", RUN, "nowhere", study(evaluate=FINETUNED % "nowhere")),
    Row("study: no such variant", RUN, "v2_35",
        study(evaluate="{task: ks, how: finetuned, data: demo, variant: v2_36}")),
    Row("study: no such step", f"{RUN} --only analysis", "analyses", study()),
    Row("study: no such shard", f"{RUN} --shard 3/2", "1 <= i <= n", study()),
    Row("study: an override of nothing", f"{RUN} --override evaluate.7.seeds=[1]", "KEY=VALUE", study()),
    Row("study: no such device", f"{RUN} --device gpu", "cuda", study()),
    Row("study: an output that is a file", "study s.yaml -o f", "f", study() | {"f": "x"}),
    Row("study: the folder of another study", RUN, "another study", study() | {"out/study.yaml": "study: other\n"}),
    Row("study: a report without its parts", f"{RUN} --only report", "tiny_hubert-word.json", study(),
        leaves=("out", "out/study.yaml")),
]  # fmt: skip
