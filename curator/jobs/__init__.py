"""Jobs: work on many records that outlives the page that asked for it, in chunks that are done once or not at all."""

from curator.jobs.supervision import cancel, launch, listed, resume, revive, start, status, watch
from curator.jobs.work import execute

__all__ = ["cancel", "execute", "launch", "listed", "resume", "revive", "start", "status", "watch"]
