"""What people without Prometheus are told: what happened, once; how things stand, each week."""
