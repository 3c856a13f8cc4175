"""Does convexity choose a good depth? Every depth and every rival rule, on the demo's model and corpus."""
