"""Speed and memory of the whole product against peers, interleaved in one run on one disk; `make bench`.

Every figure is a ratio taken within one round; absolute numbers of a shared machine say little.
"""
