"""Where the built agent starts. Children of multiprocessing start here too.

The installed version starts here, and so does every version that an update brings.
"""

import sys
from multiprocessing import freeze_support

from vigie_agent.launching import own_program, start_here
from vigie_agent.updates.starting import HAND_OVER, started_by


def main() -> None:
    """Runs what is current; again where this version ended for another one (Windows)."""
    while True:
        start_here(own_program(), sys.argv[1:])
        from vigie_agent.cli.main import main as command_line  # noqa: PLC0415 (another may run instead)

        try:
            command_line(prog_name="vigie-agent")
        except SystemExit as ended:
            if ended.code != HAND_OVER or started_by() is not None:
                raise


if __name__ == "__main__":
    freeze_support()
    main()
