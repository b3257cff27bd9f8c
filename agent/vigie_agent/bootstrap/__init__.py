"""Puts the parts of the agent together: the one place that knows both ports and adapters."""
