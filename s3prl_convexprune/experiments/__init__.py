"""Studies: one YAML says a whole comparison, and everything in it is run, resumed and reported by one engine."""
