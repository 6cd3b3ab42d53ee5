"""From "look at this path" to a recording that is complete and has an identity.

The way of a path: ``inbox`` (what to look at) → ``candidates`` (is it a recording?) → ``settling`` and ``leases`` (is
it complete?) → ``hashing`` and ``identity`` (which content is it?) → ``sightings`` (what the daemon is told).
``watcher`` goes this way, with one thread for each root; ``keeping`` knows whether the root is there.
"""
