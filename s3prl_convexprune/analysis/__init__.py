"""From a labelled corpus to a convexity score per layer, and from scores to a depth."""
