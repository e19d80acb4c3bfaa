import sys

from .launcher import NamespaceRefused, main

try:
    main(sys.argv[1:])
except NamespaceRefused as error:
    sys.exit(str(error))
