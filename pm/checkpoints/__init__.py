"""States of books kept beside the journal, so that not every question folds it from the start."""

from pm.checkpoints.checkpoint import Checkpoint, CheckpointDamaged
from pm.checkpoints.folder import Checkpoints

__all__ = ["Checkpoint", "CheckpointDamaged", "Checkpoints"]
