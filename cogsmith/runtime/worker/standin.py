"""A stand-in for ``coglet``, which ``import cog`` needs: the part that predictors use.

The real one is Cog's server. What is here: ``coglet.CancelationException`` and
``coglet._sdk.current_scope()``.
"""

from __future__ import annotations

import sys
from types import ModuleType

from cogsmith.runtime.worker.cancel import CancelationException
from cogsmith.runtime.worker.scope import MetricRecorder, Scope, current_scope

VERSION = "0.23.1"  # the release whose interface is stood in for


def install() -> None:
    """Put the stand-in where ``import coglet`` finds it."""
    sdk = ModuleType("coglet._sdk", "Scopes of running predictions.")
    vars(sdk).update(Scope=Scope, MetricRecorder=MetricRecorder, current_scope=current_scope)
    stand_in = ModuleType("coglet", "Cogsmith's stand-in for Cog's server.")
    vars(stand_in).update(
        __version__=VERSION, __path__=[], CancelationException=CancelationException, _sdk=sdk
    )
    sys.modules.update({"coglet": stand_in, "coglet._sdk": sdk})
