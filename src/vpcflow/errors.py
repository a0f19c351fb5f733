"""One tree of errors. Each says what happened, where, and what to do next.

The words are in the catalogue (``error.<code>`` and, where there is a way on, ``error.<code>.hint``), so that an
error reads the same in every language and its code stays the same for machines.
"""

from __future__ import annotations

from vpcflow.i18n import has, t


class VpcFlowError(Exception):
    """Anything vpcflow refuses or fails at, by name.

    code:   dotted name of the error, stable, the key of its text.
    values: what the text names (file, field, value …).
    """

    exit_code = 4
    retryable = False

    def __init__(self, code: str, /, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    @property
    def message(self) -> str:
        """What happened, in the language in use."""
        return t(f"error.{self.code}", **self.values)

    @property
    def hint(self) -> str:
        """What to do next; empty when there is nothing to say."""
        key = f"error.{self.code}.hint"
        return t(key, **self.values) if has(key) else ""

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(VpcFlowError):
    """The call's words do not fit together."""

    exit_code = 2


class ConfigError(VpcFlowError):
    """A setting is wrong, or a privilege or program is missing."""

    exit_code = 3


class RecordError(VpcFlowError):
    """Input that is no flow log, or not one that can be told."""


class FormatError(RecordError):
    """A log format (``${version} …``) that is not one."""


class LakeError(VpcFlowError):
    """The lake cannot be read or written."""


class StateError(VpcFlowError):
    """What is kept beside the lake (tables, saved queries …) cannot be read or written, or refuses a change."""


class SourceError(VpcFlowError):
    """A source cannot be reached or read."""

    exit_code = 5


class ResourceError(VpcFlowError):
    """A call about a resource (a flow log …) that is refused, as AWS refuses it.

    aws_code: the code AWS's API answers with (`FlowLogAlreadyExists` …).
    """

    def __init__(self, code: str, /, *, aws_code: str, **values: object) -> None:
        super().__init__(code, **values)
        self.aws_code = aws_code


class RequestError(ResourceError):
    """A call that is wrong in itself, whatever there is."""

    exit_code = 2

    def __init__(self, code: str, /, *, aws_code: str = "InvalidParameter", **values: object) -> None:
        super().__init__(code, aws_code=aws_code, **values)


class DeliveryError(VpcFlowError):
    """Records cannot be delivered: a destination refuses or does not answer, or what waits for it cannot be kept."""

    exit_code = 5


class QueryError(VpcFlowError):
    """A question that cannot be answered as asked.

    text, start, end: the question and the part of it (0-based characters, end exclusive) that is meant.
    """

    def __init__(self, code: str, *, text: str = "", start: int = 0, end: int = 0, **values: object) -> None:
        super().__init__(code, **values)
        self.text, self.start, self.end = text, start, end

    @property
    def message(self) -> str:
        """What happened, the text with the place underlined."""
        said = super().message
        if not self.text:
            return said
        line_start = self.text.rfind("\n", 0, self.start) + 1
        line = self.text[line_start:].partition("\n")[0]
        row = self.text.count("\n", 0, self.start) + 1
        column = self.start - line_start
        width = max(1, min(self.end - self.start, len(line) - column))
        return f"{said} ({row}:{column + 1})\n  {line}\n  {' ' * column}{'^' * width}"


class MalformedQuery(QueryError):  # noqa: N818 - AWS's word
    """A CloudWatch Logs Insights query that cannot be compiled: AWS's MalformedQueryException."""

    @property
    def message(self) -> str:
        """What happened, as AWS calls it."""
        return f"MalformedQueryException: {super().message}"
