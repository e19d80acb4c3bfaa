"""tides HOUR: says how high the water stands that many hours after low water, by the rule of twelfths."""

import sys

RISEN = (0, 1, 3, 6, 9, 11, 12)   # after each hour, in twelfths of the range


def main():
    hour = int(sys.argv[1])
    print(f"{hour} hours after low water: {RISEN[hour % 7]}/12 of the tide")


if __name__ == "__main__":
    main()
