"""Names of upstreams that nothing is behind, to every verb that takes one."""

from __future__ import annotations

from .row import Row
from .rows_recipes import KS, MADE

#: What takes a name, and what else it needs. A cut alone is exported.
VERBS = {
    "analyze": "analyze -u {} --corpus @manifest.csv --label word -o out.json",
    "show": "show {}",
    "run": "run -u {} -t ks --device cpu -o out",
    "run --dry-run": "run -u {} -t ks --device cpu -o out --dry-run",
    "profile": "profile -u {} --seconds 0.1 --batch 1 --repeats 1",
    "finetune": "finetune -u {} -t ks --data-folder @ks/train --device cpu -o out",
    "export": "export {} -o out.pt",
    "run_downstream.py": "run_downstream.py -m train -u {} -d speech_commands -n exp --device cpu",
}
NAMES = {
    "a typo": ("tiny_hubret", "tiny_hubert"),
    "a typo in a cut": ("tiny_hubret_convexpruned_L2", "tiny_hubert"),
    "a depth beyond the model": ("tiny_hubert_convexpruned_L13", "12"),
    "depth 0": ("tiny_hubert_convexpruned_L0", "L0"),
    "depth 06": ("tiny_hubert_convexpruned_L06", "L06"),
    "a depth in full-width digits": ("tiny_hubert_convexpruned_L\uff16", "tiny_hubert"),
    "a depth of 400 digits": (f"tiny_hubert_convexpruned_L{'9' * 400}", "tiny_hubert"),
    "a cut of a cut": ("tiny_hubert_convexpruned_L6_convexpruned_L2", "tiny_hubert"),
    "a trailing line break": ("'tiny_hubert_convexpruned_L6\n'", "tiny_hubert"),
    "no letters": ("''", ""),
    "a path": ("../../etc/passwd", "passwd"),
    "an attribute of the module": ("__builtins__", "__builtins__"),
}
ROWS = [
    Row(f"{verb}: {what} as the name", command.format(name), says, environ=KS, leaves=MADE if "py" in verb else ())
    for verb, command in VERBS.items()
    for what, (name, says) in NAMES.items()
]
