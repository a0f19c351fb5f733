"""A local folder, laid out as a bucket is."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpcflow.deliver.failure import DestinationUnavailableError
from vpcflow.deliver.objects import Files
from vpcflow.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.vpc.flow_logs import FlowLog


class FolderDestination(Files):
    """A folder; a file is there whole, under its name, or not at all."""

    def __init__(
        self, flow_log: FlowLog, *, temporary: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = Path(flow_log.log_destination).expanduser()
        super().__init__(flow_log, "", self._store, temporary, clock)
        self.uri = str(self._folder)

    def _store(self, key: str, file: Any) -> None:  # noqa: ANN401 - any file
        path = self._folder / key
        hidden = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file.seek(0)
            with hidden.open("wb") as out:
                shutil.copyfileobj(file, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
            hidden.replace(path)
            _sync(path.parent)
        except OSError as error:
            denied = isinstance(error, (PermissionError, NotADirectoryError))
            failed = DeliveryError if denied else DestinationUnavailableError
            code = "deliver.denied" if denied else "deliver.refused"
            raise failed(code, destination=self.uri, action="write", answer=error.strerror or str(error)) from error

    def close(self) -> None:
        """Nothing is held."""


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
