"""The HTTP API: translates at the edge, and leaves every decision to the gateway."""
