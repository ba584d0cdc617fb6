"""What needs commands run inside of the image, done by Docker (or buildah, or podman).

In: the steps of a config, the image below them. Out: layers, as recipes that the store knows.
All other layers are made by the rest of the room, the same with and without Docker.
"""
