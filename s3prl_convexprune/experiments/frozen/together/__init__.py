"""Cells that see the same batches run together: one loader and one forward pass of the deepest upstream a step."""
