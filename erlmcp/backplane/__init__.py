"""What MCP keeps and tells for all processes of a node, carried by the hub and kept in the store."""
