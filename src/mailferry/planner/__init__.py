"""What to do with each client of the inventory: way, reason, wave and date, and the papers that carry the plan out."""
