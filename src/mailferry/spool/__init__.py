"""The durable store of accepted mail. `api` is what everybody imports; sqlite/ and memory implement it."""
