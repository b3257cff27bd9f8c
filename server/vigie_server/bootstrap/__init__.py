"""Puts the parts of the server together: the one place that knows both ports and adapters."""
