"""watcherd: recordings appear in watched folders, transcripts appear beside them."""

__version__ = "0.1.0"
