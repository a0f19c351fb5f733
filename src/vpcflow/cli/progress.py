"""A progress bar on a terminal, once something takes longer than half a second."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from vpcflow.cli.summary import amount, byte_size
from vpcflow.i18n import t

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from vpcflow.lake.ingest import Progress

_AFTER_S: Final = 0.5


class Bar:
    """Shows an ingest as it goes on. total_bytes: what there is to read, None when nobody knows."""

    def __init__(self, *, shown: bool, total_bytes: int | None = None) -> None:
        self._shown, self._total = shown, total_bytes
        self._began = time.perf_counter()
        self._lock = threading.Lock()
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: Progress) -> None:
        """Draw what has been done; called from any thread."""
        if not self._shown or time.perf_counter() - self._began < _AFTER_S:
            return
        with self._lock:
            if self._bar is None or self._task is None:
                self._start()
            if self._bar is None or self._task is None:
                return
            rows = progress.report.rows
            text = t("progress.ingest", records=amount(rows), bytes=byte_size(progress.bytes_done))
            self._bar.update(self._task, completed=progress.bytes_done, description=text)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("", total=self._total)
