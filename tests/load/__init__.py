"""Load tests of an open class: many learners through the proxy. Run with `make class-load`.

    learners  what learners do, including three harmful ones
    samples   the engine's figures of processors, memory and processes
    figures   medians, 95th percentiles and the tables
    picture   the chart
"""
