"""What an image was made of and how, as values, and in the words of others (purl, SPDX, tar).

In: what the builder knows. Out: the parts of an SBOM, of provenance, of a comparison.
Touches: wheels, whose own metadata say their licences (`metadata`).
"""
