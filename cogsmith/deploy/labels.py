"""What a deployment writes on things that run, so that it knows them again."""

from __future__ import annotations

from collections.abc import Mapping

from cogsmith.oci import Digest

__all__ = ["DIGEST", "MANAGED", "PREVIOUS", "SECRETS", "SPEC", "mark_of"]

MANAGED = "run.cogsmith.deploy"  # the deployment's name
DIGEST = "run.cogsmith.deploy.digest"
SPEC = "run.cogsmith.deploy.spec"  # what was applied, as one line of JSON
PREVIOUS = "run.cogsmith.deploy.previous"  # what ran before it, likewise
SECRETS = "run.cogsmith.deploy.secrets"  # changes when a value does, so that it is rolled out


def mark_of(values: Mapping[str, str]) -> dict[str, str]:
    """The mark of these values; none where there are none.

    >>> mark_of({"A": "1"}) == mark_of({"A": "2"}), mark_of({})
    (False, {})
    """
    if not values:
        return {}
    text = "\0".join(f"{name}={value}" for name, value in sorted(values.items()))
    return {SECRETS: Digest.of(text.encode()).short}
