"""One file for each command: what its arguments are and which function it calls."""
