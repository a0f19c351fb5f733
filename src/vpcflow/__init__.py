"""VPC Flow Logs, whole and self-hostable: read any flow log, keep it in a lake, ask it questions."""

__version__ = "0.1.0"
