"""Apps that come with erlmcp. Each is written against the public API, as a stranger's would be."""
