"""From a labelled corpus to a convexity score a layer, and from scores to a depth."""
