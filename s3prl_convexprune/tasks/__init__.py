"""The SUPERB tasks: one table, the recipes and what each needs installed."""
