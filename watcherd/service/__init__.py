"""The daemon's face to systemd, journald and the command line."""
