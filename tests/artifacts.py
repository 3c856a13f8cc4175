"""One artifact of each kind, for the files about reading and writing them."""

from __future__ import annotations

from dataclasses import replace

from s3prl_convexprune.artifact import Analysis, Checkpoint, CorpusFacts, LayerRow, Settings
from s3prl_convexprune.artifact.depth_times import DepthTime, DepthTimes
from s3prl_convexprune.deploy.device_profile import DeviceProfile, ModelCost
from s3prl_convexprune.results.provenance import Depth, Provenance
from s3prl_convexprune.results.result import Cost, Epoch, Memory, Result, Results, Seconds, Unfinished
from s3prl_convexprune.upstreams.profile import Machine, Profile, Profiles, Timing

INFLUENCE = (0.5, -0.5, 0.5, 0.1)


def analysis() -> Analysis:
    layers = [
        LayerRow(
            k,
            50.0 + k,
            1.0,
            {"a": 40.0 + k, "b": 60.0 + k},
            50.5,
            50.2,
            12,
            0.25,
            (0.5, -0.5, 0.5, 0.1),
            10 + k,
            20 + k,
        )
        for k in range(3)
    ]
    return Analysis(
        "hubert",
        Checkpoint("x.pt", "0" * 64),
        CorpusFacts("corpus", "1" * 64, "train", 4, {"a": 2, "b": 2}),
        "word",
        Settings(200, 10, 1337, "train", "cpu", "mean", 10.0, "2" * 64),
        {"torch": "2.11.0"},
        tuple(layers),
        ("c",),
    )


def results() -> Results:
    made = Provenance(("run",), "ks.yaml", "0" * 64, ("a=1",), None, "cpu", {"torch": "2"}, "1" * 64, config={"a": [1]})
    spent = Seconds(wall=2.0, cpu=1.0)
    cost = Cost((Epoch(1, 5, 60.0, 0.5, spent, {"error_rate": 40.0}),), spent, 9.5, Memory(10, "resident"), "cpu", 7)
    row = Result(
        "frozen", "tiny", "er", "fold1", 1e-3, 1, "accuracy", 60.0, 50.0, 4, 8, 10, "2" * 64, 12, 100, made, "a/b"
    )  # fmt: skip
    cut = replace(made, depth=Depth("tiny", task="er", policy="argmax", stated={"by": "hand"}))
    finetuned = replace(row, how="finetuned", upstream="tiny_L2", provenance=cut, cost=cost)
    return Results((row, finetuned), (Unfinished("c", "open", "not yet"),))


def profiles() -> Profiles:
    timing = Timing(4.0, 1, 0.5, (0.4, 0.6), 0.125, 12.5)
    machine = Machine("cpu", "x86_64", 2, 1)
    return Profiles((Profile("tiny", 100, 12, 10**9, 4.0, 0.125, {"4": 10**9}, (timing,), machine),), {"torch": "2"})


def depth_times() -> DepthTimes:
    depths = (DepthTime(0, 20.0, (19.0, 21.5), 0.005), DepthTime(12, 80.0, (79.0, 82.0), 0.02))
    return DepthTimes("tiny", None, 4.0, 10, "x86_64 (cpu), 2 cores, 1 threads", 1, depths, {"torch": "2"})


def device_profile() -> DeviceProfile:
    rows = (
        ModelCost("tiny", "torch fp32", 1, 80.0, 90.5, 0.02, 5.5, None, 10.0),
        ModelCost("out", "onnx int8", 1, 20.0, 20.0, 0.005, 0.5, 40.0, 0.75),
    )
    return DeviceProfile(4.0, 30, "x86_64, 2 cores", rows, {"torch": "2"})
