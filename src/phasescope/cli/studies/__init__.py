"""The command line of each study: what it may be asked, and the one call that answers."""
