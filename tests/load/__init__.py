"""A class under load: many learners through the proxy, as people have it. `make class-load`, of the class that is open.

    learners  what each of them does, and three who do harm
    samples   processor, memory and processes of their sessions, as the engine counts them
    figures   medians, 95th percentiles, the tables
    picture   the chart
"""
