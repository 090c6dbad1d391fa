"""The contract suite of stores: what any store must do, as plain functions over a `Subject`.

A store outside this repository passes it by parametrising one test over `CHECKS`:

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check, tmp_path):
        check(MySubject(tmp_path))

A check opens the subject's store, claims lane 0 and asserts. `DAMAGE_CHECKS` are for stores with
checksums, whose subject can damage what is stored. Nothing here knows a store by name.
"""

from polyrhythm.testing.store_suite import (
    commits,
    conditions,
    damage,
    deletions,
    finding,
    listing,
    objects,
    refusals,
    scans,
    walking,
)
from polyrhythm.testing.store_suite.samples import DamagedSubject, Subject

CHECKS = (
    *commits.CHECKS,
    *refusals.CHECKS,
    *deletions.CHECKS,
    *finding.CHECKS,
    *scans.CHECKS,
    *listing.CHECKS,
    *walking.CHECKS,
    *conditions.CHECKS,
    *objects.CHECKS,
)
DAMAGE_CHECKS = damage.CHECKS

__all__ = ["CHECKS", "DAMAGE_CHECKS", "DamagedSubject", "Subject"]
