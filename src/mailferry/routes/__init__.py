"""How mail leaves: the contract, the choice of a route, and one small file per way out."""
