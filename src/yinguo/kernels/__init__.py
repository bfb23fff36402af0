"""Arrays in, arrays out: the numerics, knowing nothing of studies or results."""
