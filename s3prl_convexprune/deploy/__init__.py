"""From a cut to a device: artifacts that run without this package, with their proof."""
