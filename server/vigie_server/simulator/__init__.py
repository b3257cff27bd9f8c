"""`vigie-sim`: a simulated fleet, for tests, benchmarks and the demo. No part of a server in use.

Its devices are real where a server can see them: keys, certificates, TLS, the protocol, the form of
what they say. They are simulated in what they say: recorded states, each under names of its own,
that drift.
"""
