"""What Microsoft publishes, as data with source and date: errors, schedule, limits, clouds. No clock, no network."""
