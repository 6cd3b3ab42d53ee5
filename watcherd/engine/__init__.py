"""Audio to recognised speech, in a process of its own; nothing outside this folder imports torch."""
