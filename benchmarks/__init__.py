"""What the package costs, as ratios taken in one run."""
