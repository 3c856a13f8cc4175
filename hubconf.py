"""``torch.hub.load(<this folder>, "hubert_convexpruned_L6", source="local")``: all of s3prl's hub, our names included.

As in s3prl's own hubconf, a name that the hub resolves on demand is not listed: `compat.hub_local` looks it up.
"""

from s3prl_convexprune.upstreams.registry import load_hub

dependencies = ["s3prl", "torch"]
hub = load_hub()
globals().update({name: getattr(hub, name) for name in hub.options()})
