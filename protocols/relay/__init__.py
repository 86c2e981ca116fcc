"""HTTP/1.1 over TLS on asyncio and h11: the two ends that a relay is made of.

What passes is passed on piece by piece and never held whole, so that memory does not grow with a model. A
request must say how long it is; one that is longer than allowed is refused before it is read.
"""
