"""The page: results, cost and convexity curves in one HTML file that opens from disk and asks nobody for anything."""
