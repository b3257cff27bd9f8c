"""`python -m fakes.begun MODULE ...` calls a module's `run`, loaded as the agent loads commands.

A test that kills programs starts them hundreds of times.
"""

import sys
from importlib import import_module

from vigie_agent.memory import modules_load

if __name__ == "__main__":
    with modules_load():
        program = import_module(sys.argv.pop(1))
    program.run()
