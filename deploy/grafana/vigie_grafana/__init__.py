"""Vigie's Grafana dashboards as code: `make dashboards` writes them, in French and in English."""
