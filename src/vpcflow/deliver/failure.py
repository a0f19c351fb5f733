"""What a destination answers when it does not take records → DeliveryError, and how DescribeFlowLogs tells it.

Source: EC2 API Reference `FlowLog`, `deliverLogsErrorMessage`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.aws import meaning
from vpcflow.errors import DeliveryError
from vpcflow.vpc.flow_logs import ACCESS_ERROR, RATE_LIMITED, UNKNOWN_ERROR

if TYPE_CHECKING:
    from vpcflow.errors import VpcFlowError

_MESSAGES: Final = {
    "deliver.denied": ACCESS_ERROR,
    "deliver.missing": ACCESS_ERROR,
    "deliver.credentials": ACCESS_ERROR,
    "source.no_credentials": ACCESS_ERROR,
    "source.no_profile": ACCESS_ERROR,
    "source.profile_unusable": ACCESS_ERROR,
    "deliver.throttled": RATE_LIMITED,
}


class DestinationUnavailableError(DeliveryError):
    """A destination that may take records later."""

    retryable = True


def fault(error: Exception, destination: str, action: str, *, endpoint: str = "") -> DeliveryError:
    """Return what an error of boto3 means. action: the API's name of what was asked."""
    answer = meaning(error)
    if answer.kind == "unreachable":
        return DestinationUnavailableError("deliver.unreachable", destination=destination, endpoint=endpoint)
    said = " ".join(filter(None, (answer.code, answer.text)))
    kind = answer.kind if answer.kind != "failed" else "refused"
    failed = DestinationUnavailableError if answer.kind in ("throttled", "failed") else DeliveryError
    return failed(f"deliver.{kind}", destination=destination, action=action, answer=said)


def message_of(error: VpcFlowError) -> str:
    """Return what `deliverLogsErrorMessage` says of *error*."""
    return _MESSAGES.get(error.code, UNKNOWN_ERROR)
