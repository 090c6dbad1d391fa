"""Argo's manifests: from text with line numbers to checked trees.

    manifests = read_manifests(text, "hello.yaml")   # refuses what is no manifest
    for finding in check(manifests): print(finding)

A manifest stays the tree that its author wrote, as the API returns it; types and names of its
fields are checked against one table, what it means is checked with Argo's own messages.
"""

from polyrhythm.dialects.argo.model.manifest import KINDS, Manifest, read_manifests
from polyrhythm.dialects.argo.model.problems import Finding, ManifestError

__all__ = ["KINDS", "Finding", "Manifest", "ManifestError", "read_manifests"]
