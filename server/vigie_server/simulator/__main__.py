"""`python -m vigie_server.simulator`: what `vigie-sim` runs."""

from vigie_server.simulator.command import main

main()
