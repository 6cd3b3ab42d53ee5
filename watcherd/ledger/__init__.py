"""The only memory of the daemon: one SQLite database behind named methods."""
