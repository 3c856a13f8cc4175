"""SUPERB: the tasks, s3prl's own runner under this package's roof, grids of experiments, cost and tables."""
