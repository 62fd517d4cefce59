"""One bound session over TCP, a link that keeps it bound, and pacing. Knows PDUs, not what is in them."""
