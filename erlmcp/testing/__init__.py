"""An app under test: a client that speaks to it in memory, in both eras."""
