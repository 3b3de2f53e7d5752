"""Playing real clients against a tenant in a box, straight and through the gateway, on any date."""
