"""Transcripts to files beside the recordings."""
