"""Bad input to what reproduces the paper: its protocol, its depths, a fine-tuned run's weights, a recipe's variant."""

from __future__ import annotations

from .row import ANALYZE, Row

FINETUNE = "finetune -u tiny_hubert -t sid --data-folder @ks/train --device cpu -o out"
RUN = {
    "run/record.json": '{"criterion": "error_rate", "upstream": "hubert", "layers": 12, "task": "ks", "seed": 1}',
    "run/save/CKPT+1/CKPT.yaml": "error_rate: 5.0\nunixtime: 1.0\n",
}

ROWS = [
    Row("analyze: no such protocol", f"{ANALYZE} --protocol papre", "exact"),
    Row("analyze: --exact without the paper's protocol", f"{ANALYZE} --exact @analysis.json", "--protocol paper"),
    Row("analyze: --exact that is not there", f"{ANALYZE} --protocol paper --exact nowhere.json", "nowhere.json"),
    Row("analyze: weights that are not there", f"{ANALYZE} --weights nowhere", ("nowhere", "record.json")),
    Row("analyze: weights of a run without checkpoints", f"{ANALYZE} --weights run", "no checkpoint", {
        "run/record.json": RUN["run/record.json"]
    }),
    Row("analyze: weights of another upstream's run", f"{ANALYZE} --weights run", "give -u hubert", RUN),
    Row("analyze: a record that is no record", f"{ANALYZE} --weights run", "not the record", {"run/record.json": "[]"}),
    Row("analyze: a record with NaN", f"{ANALYZE} --weights run", "record.json", {"run/record.json": '{"seed": NaN}'}),
    Row("analyze: a run whose meta file runs code", f"{ANALYZE} --weights run", "CKPT.yaml", {
        **RUN, "run/save/CKPT+1/CKPT.yaml": "!!python/object/apply:os.mkdir [ran]\n"
    }),
    Row("analyze: a run whose meta file is no mapping", f"{ANALYZE} --weights run", "no checkpoint", {
        **RUN, "run/save/CKPT+1/CKPT.yaml": "- 1\n"
    }),
    Row("finetune: no such variant", f"{FINETUNE} --variant speech_command", "speech_commands"),
    Row("finetune: a variant and a file", f"{FINETUNE} --variant voxceleb1 --hparams x.yaml", "one of a variant", {
        "x.yaml": ""
    }),
]  # fmt: skip
