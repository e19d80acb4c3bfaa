"""The live class view: shows the instructor what learners answer and where they are stuck.

    client    runs in a session: sends answers and failed rules, reads revealed answers
    events    checks events against the course
    state     the class in memory, and an append-only file of events
    service   the web service behind the hub
    page.*    the instructor's page
"""
