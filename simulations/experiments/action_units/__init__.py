"""The action unit experiment: CD6ME federated, alone and pooled, and what infusion and magnification give."""
