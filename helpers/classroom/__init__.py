"""A class on one machine: a hub in front of a session for each learner.

    room      a class's settings: names, addresses, passwords, limits
    image     the learners' image, from deploy/Dockerfile
    store     base images and caches that all learners read
    kit       a folder with everything a class needs without a network
    packages  the kit's Python and npm packages; package_index serves them
    manifest  the kit's index: path, size and digest of every file
    disks     size-limited disks for each learner's home and engine
    firewall  what sessions can reach on the machine
    homes     saving and restoring the learners' work
    spawner   how the hub starts a session
    services  the proxy, the hub and the live view
    live      the live view of the class
    opening   opens, restarts and closes a class
    learner   a learner without a browser, for rehearsals and tests
    sizing    the resources a class needs, from measurements
    rehearsal checks capacity, and lets two learners try the class
    guide     the instructor's notes of all lessons as one page
"""
