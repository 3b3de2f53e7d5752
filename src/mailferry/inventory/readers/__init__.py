"""One reader per kind of export: which columns it has under which names, and what its rows mean, in SQL beside it."""
