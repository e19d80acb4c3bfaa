"""The live class view: what a class answers and where it is stuck, as it happens, for its instructor.

    client    in a learner's session: sends answers and failed rules, reads what was revealed
    events    what may be sent, and nothing else
    state     the class in memory, and event by event in a file
    service   behind the hub: who may do what, the page, its stream
    page.*    the instructor's page
"""
