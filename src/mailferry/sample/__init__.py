"""A made-up organisation of any size with known truth, exported in every format that the inventory reads."""
