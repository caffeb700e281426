"""What could go wrong, looked for before it does: what was found, and what to change.

Nothing is changed, and a server that is down leaves the other checks standing.
"""

from pm.doctor.examination import examine
from pm.doctor.finding import Finding, worst

__all__ = ["Finding", "examine", "worst"]
