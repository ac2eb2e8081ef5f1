"""The MCP client: both eras, over HTTP and over a child's standard streams."""
