"""What a study's cells say about its rules and depths, with intervals that count speakers and seeds."""
