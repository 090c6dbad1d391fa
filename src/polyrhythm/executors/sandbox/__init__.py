"""Steps in bubblewrap sandboxes: a root view of their own, images as programs of the host."""

from polyrhythm.executors.sandbox.executor import SandboxExecutor
from polyrhythm.executors.sandbox.images import Image, ImageTable

__all__ = ["Image", "ImageTable", "SandboxExecutor"]
