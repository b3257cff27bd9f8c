"""`vigie-server demo`: a server, an agent on this machine and, if wanted, a simulated fleet."""
