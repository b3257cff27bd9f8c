"""The dashboards, one module each: what it answers, from the metrics of the server."""
