"""Every entry of s3prl's hub is in the table of families, or in the list of those that cannot be cut, with a reason."""

from __future__ import annotations

import inspect

import pytest

from s3prl_convexprune.errors import DepthError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.attributes import get
from s3prl_convexprune.upstreams.bases import BASES
from s3prl_convexprune.upstreams.families import CANNOT_CUT, FAMILIES, family_of, family_of_entry
from tests.checkpoints import CASES


def s3prl_entries() -> dict[str, object]:
    hub = registry.load_hub()
    return {
        name: getattr(hub, name)
        for name in hub.options()
        if "convexprune" not in name and name not in getattr(hub, registry.OWNED)
    }


def test_every_hub_entry_can_be_cut_or_says_why_not():
    sides = {True: [], False: []}
    for name, entry in s3prl_entries().items():
        try:
            family_of_entry(name, entry)
            sides[True].append(name)
        except DepthError as error:
            assert str(error).startswith(f"{name} cannot be cut: ")
            assert "none of the families" not in str(error), f"{name} is in neither table"
            sides[False].append(name)
    assert len(sides[True]) > 80 and len(sides[False]) > 30


def test_no_package_is_in_both_tables_and_no_row_is_stale():
    packages = [package for family in FAMILIES for package in family.packages]
    assert len(packages) == len(set(packages))
    assert not set(packages) & set(CANNOT_CUT)
    modules = {inspect.getmodule(entry).__name__ for entry in s3prl_entries().values()}
    for package in [*packages, *CANNOT_CUT]:
        if package.startswith("s3prl."):
            assert any(module.startswith(package) for module in modules), f"{package} is not on the hub"


@pytest.mark.parametrize(
    "name, reason",
    [
        ("apc", "recurrent"),
        ("fbank", "acoustic features"),
        ("byol_s_cvt", "one embedding"),
        ("mos_wav2vec2", "quality score"),
        ("wav2vec", "convolutional"),
        ("FileLock", "not an upstream"),
    ],
)
def test_the_reason_is_the_familys_own(name, reason):
    with pytest.raises(DepthError, match=reason):
        family_of_entry(name, s3prl_entries()[name])


def test_a_cut_of_what_cannot_be_cut_is_refused_before_anything_is_built():
    with pytest.raises(DepthError, match="fbank cannot be cut: it computes acoustic features"):
        registry.build_upstream("fbank_convexpruned_L3")


def test_an_upstream_of_no_known_family_is_refused():
    import torch

    with pytest.raises(DepthError, match="Linear cannot be cut: it belongs to none of the families hubert"):
        family_of(torch.nn.Linear(1, 1))


def test_every_family_has_a_checkpoint_builder():
    built = {case.family for case in CASES.values()}
    rows = {family.name for family in FAMILIES}
    assert rows <= built
    assert built - rows <= {"tera", "audio_albert"}  # further entries of the mockingjay row


@pytest.mark.parametrize("name", CASES)
def test_the_paths_of_the_row_lead_somewhere(name, whole):
    expert = whole(name)
    family = family_of(expert)
    for path in (family.stack, family.final_norm, family.pre_norm, family.layerdrop):
        if path:
            get(expert, path)
    entry = CASES[name].entry
    if entry:
        assert family_of_entry(entry, s3prl_entries()[entry]) is family


def test_the_extra_bases_are_families_too():
    for name, entry in BASES.items():
        assert family_of_entry(name, entry).model_type
