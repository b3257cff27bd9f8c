"""Where the built agent starts. Children of multiprocessing start here too."""

from multiprocessing import freeze_support

from vigie_agent.cli import main

if __name__ == "__main__":
    freeze_support()
    main(prog_name="vigie-agent")
