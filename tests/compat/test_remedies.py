"""Remedies: applied where something is missing, inert where it is there, and explained."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from s3prl_convexprune import compat
from s3prl_convexprune.compat import hub_login, ks_sampler
from s3prl_convexprune.compat.remedy import Remedy
from s3prl_convexprune.errors import ConfigError


def test_apply_reports_every_remedy_once_and_again():
    reports = compat.apply()
    assert [report.name for report in reports] == [remedy.name for remedy in compat.REMEDIES]
    assert len({report.name for report in reports}) == len(reports)
    assert all(report.state in ("applied", "not needed") and report.why for report in reports)
    assert compat.apply() == reports


AT_ONCE = [remedy for remedy in compat.REMEDIES if "s3prl." not in remedy.target and "while" not in remedy.target]


@pytest.mark.parametrize("remedy", AT_ONCE, ids=lambda remedy: remedy.name)
def test_a_remedy_in_place_is_enough(remedy):
    """The test for the need sees the patch. (The others wait until another module is imported.)"""
    compat.apply()
    assert not remedy.needed()


def test_a_failing_remedy_is_reported_and_not_raised():
    def fail() -> None:
        raise OSError("no room")

    report = Remedy("x", "x", "x", needed=lambda: True, patch=fail).apply()
    assert report.state == "failed: OSError: no room"


def test_no_remedy_touches_a_stack_that_has_the_originals():
    """Inert: nothing is patched, not even prepared, when `needed` says no."""
    calls = []
    report = Remedy("x", "x", "x", needed=lambda: False, patch=lambda: calls.append(1)).apply()
    assert (report.state, calls) == ("not needed", [])


def test_s3prl_imports_and_its_runner_too():
    compat.apply()
    import s3prl.downstream.runner
    import s3prl.hub
    import s3prl.run_downstream

    assert "hubert" in s3prl.hub.options()


def test_hub_login_placeholders_explain_themselves():
    import huggingface_hub

    if not any(report.name == "hub_login" and report.applied for report in compat.apply()):
        pytest.skip("this huggingface_hub has the originals")
    uses = (
        lambda: huggingface_hub.HfApi().login(username="a", password="b"),
        lambda: huggingface_hub.HfFolder.get_token(),
        lambda: huggingface_hub.Repository(local_dir="x", clone_from="y"),
    )
    for use in uses:
        with pytest.raises(ConfigError, match="huggingface_hub<1"):
            use()
    assert not hub_login.needed()


def test_distutils_comes_from_setuptools_where_python_has_none():
    """In an interpreter that reads no `.pth` file, since setuptools's own would be there first."""
    code = f"""if True:
        import sys
        sys.path[:] = {[*sys.path]!r}
        from s3prl_convexprune.compat import distutils_util
        print(distutils_util.REMEDY.apply().state)
        from distutils.util import strtobool
        print([int(strtobool(text)) for text in ("y", "True", "on", "1", "no", "F", "off", "0")])
    """
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    state, values = done.stdout.splitlines()
    assert state == ("applied" if sys.version_info >= (3, 12) else "not needed")
    assert values == str([1] * 4 + [0] * 4)


def test_catalyst_is_lent_for_one_import_only():
    if not ks_sampler.needed():
        pytest.skip("catalyst is installed")
    compat.apply()
    import s3prl.downstream.speech_commands.expert as expert

    assert issubclass(expert.DistributedSamplerWrapper, torch.utils.data.DistributedSampler)
    assert "catalyst" not in sys.modules
    with pytest.raises(ImportError):
        import catalyst  # noqa: F401


@pytest.mark.parametrize("world", [1, 2, 3])
def test_shared_draws_are_all_the_draws(world):
    """The processes' shares together are what the inner sampler drew, padded to equal length by repetition."""
    wrapper = ks_sampler.sampler_wrapper()
    weights = torch.tensor([0.1, 1.0, 2.0, 0.5, 3.0, 0.2, 1.0])
    shares = []
    for rank in range(world):
        draws = torch.utils.data.WeightedRandomSampler(
            weights, len(weights), generator=torch.Generator().manual_seed(5)
        )
        sampler = wrapper(draws, num_replicas=world, rank=rank)
        sampler.set_epoch(2)
        shares.append(list(sampler))
    drawn = list(
        torch.utils.data.WeightedRandomSampler(weights, len(weights), generator=torch.Generator().manual_seed(5))
    )
    assert len({len(share) for share in shares}) == 1
    together = [index for share in shares for index in share]
    for index in drawn:
        together.remove(index)
    assert set(together) <= set(drawn) and len(together) < world
