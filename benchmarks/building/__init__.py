"""What the build benchmark shares: a project in variants, its builders, a registry, a watch.

In: a base image and where packages come from. Out: seconds, bytes and memory of builds and
pushes. Everything lies in one temporary folder, with an engine and registries of its own.
"""
