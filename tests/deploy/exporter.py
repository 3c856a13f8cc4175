"""Whether this torch can export the graphs."""

from __future__ import annotations

import torch

from s3prl_convexprune.deploy.onnx_export import OLDEST_TORCH

CAN_EXPORT = tuple(map(int, torch.__version__.split(".")[:2])) >= OLDEST_TORCH
LACKING = "this torch has no exporter for these graphs"
