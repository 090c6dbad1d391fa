"""Argo workflows without Kubernetes: the manifests of Argo, run by a durable workflow of our own.

`model` reads and checks manifests, `expressions` is the language between their braces, `walk` is
the workflow that walks a parsed plan, `steps` runs one command of it through an executor.
"""
