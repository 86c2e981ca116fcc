"""The numbers of verification: equal error rate, TAR at a FAR, rank-1, d', and who is compared with whom."""
