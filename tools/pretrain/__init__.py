"""Pretrain the demo's HuBERT: k-means targets, masked prediction, again on its own layer's features.

``python -m tools.pretrain --help``. The recipe is HuBERT's (Hsu et al. 2021,
arXiv 2106.07447); `docs/demo.md` lists where and why it differs.
"""
