"""What an administrator sets about the store: the [spool] section.

Leaves to others: reading TOML (config) and where the state directory is (config).
Invariant: no setting weakens durability; there is no switch for it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from mailferry.units import Duration, Size

MB = 1 << 20
DAY = 86400.0


class SpoolSettings(BaseModel):
    """The [spool] section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    directory: Path | None = Field(
        None, description="Where accepted mail is kept; without it, `spool` in the state directory. A local disk."
    )
    min_free: Size = Field(
        500 * MB, description="Take no mail when less than this is free on the disk of the spool (452 4.3.1)."
    )
    min_inodes: int = Field(1000, ge=0, description="Take no mail when the file system has fewer free inodes.")
    keep_history: Duration = Field(
        30 * DAY, ge=3600, description="How long finished messages stay in the history, without their bodies."
    )
    inline_limit: Size = Field(
        65_536, ge=1024, le=4 * MB, description="Bodies up to this size lie in the database, larger ones in files."
    )
    cache: Size = Field(
        32 * MB, description="Memory for new mail, so that delivering it at once does not read it back; 0 is none."
    )
    journal: Size = Field(
        64 * MB,
        ge=4 * MB,
        description="The write-ahead log is copied into the database when it has grown to this. "
        "Copying needs as much room again: min_free should be more than twice this.",
    )
    poll: Duration = Field(0.5, gt=0, le=60, description="How often to look whether another process changed the queue.")
    file_threads: int = Field(4, ge=1, le=64, description="Threads that write and sync the files of large bodies.")
    batch: int = Field(256, ge=1, le=1000, description="Most operations that share one sync.")
