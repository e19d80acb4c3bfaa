#!/bin/sh
# tips.sh: makes tips/1.txt, tips/2.txt ... of the lines of tips.txt.
set -e
mkdir -p tips
number=0
while read -r line; do
	number=$((number + 1))
	echo "$line" > "tips/$number.txt"
done < tips.txt
