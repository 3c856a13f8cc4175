"""What cells gave: typed results, the choice on dev, certainty of a difference, the leaderboard and its tables."""
