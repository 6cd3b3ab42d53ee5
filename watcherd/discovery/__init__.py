"""Which files are recordings, which are complete, and which content they hold."""
