def height(hour, span):
    if not 0 <= hour <= 6:
        raise ValueError("a tide rises for six hours")
    return span * (0, 1, 3, 6, 9, 11, 12)[hour] / 12
