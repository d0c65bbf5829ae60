"""A small DHIS2-compatible server on this computer, for practice, demos and tests.

Its verdicts are its own code, written from the rules of the server and not shared with the checks of this package:
an independent second opinion on the same values.
"""

from dhis2_bridge.sandbox.server import Faults, Sandbox

__all__ = ["Faults", "Sandbox"]
