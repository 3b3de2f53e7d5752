"""Checks across sections: each module takes what is valid of a configuration (View) and yields findings."""
