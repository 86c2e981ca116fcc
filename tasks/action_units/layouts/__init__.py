"""The six databases of CD6ME as they are published: reading, checking, writing small trees."""
