"""Puts the parts of the server together: the one place that knows both ports and adapters.

Read before gRPC, whose core looks at its environment once, when it is loaded.
"""

import os

# Its own lines name peers' addresses. Who runs the process may say otherwise.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
