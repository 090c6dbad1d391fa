"""Pods: one template's containers, run through an executor, with what goes in and what comes out.

A `PodRunner` is what the durable task of a node calls; it knows no engine and no workflow.
"""

from polyrhythm.dialects.argo.pods.places import Places
from polyrhythm.dialects.argo.pods.runner import PodRunner

__all__ = ["Places", "PodRunner"]
