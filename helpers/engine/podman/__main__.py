import sys

from .launcher import Refused, main

try:
    main(sys.argv[1:])
except Refused as error:
    sys.exit(str(error))
