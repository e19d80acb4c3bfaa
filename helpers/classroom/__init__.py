"""A class on one machine: a hub in front of a session for each learner.

    room      what a class is made of: names, addresses, passwords, limits
    image     the learners' image, from deploy/Dockerfile
    store     base images and caches that all learners read
    kit       all that a class without a network needs, in one folder
    packages  what pip and npm bring to it; package_index serves them
    manifest  the kit's index: path, size and digest of every file
    disks     one of its own for each learner's home and engine
    firewall  what sessions reach of the machine
    homes     the learners' work: restored, saved
    spawner   a session as the hub starts it
    services  the proxy, the hub and the live view
    live      the live view of the class
    opening   all of it together: open, restart, close
    learner   a learner without a browser, for rehearsals and tests
    sizing    what a class of so many takes, by what was measured
    rehearsal for how many learners there is room, and two who try it
    guide     the instructor's remarks of the lessons as one page
"""
