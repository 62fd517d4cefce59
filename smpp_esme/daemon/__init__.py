"""The durable service: gateway in front, dispatch and collect behind, the store between them."""
