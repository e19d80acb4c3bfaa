# Is the greeting fit to print? The answer goes into a report, as many tools write one.
exec > report.txt
lines=$(wc -l < greeting.txt)
echo "greeting.txt has $lines line(s)"
test "$LANGUAGE_TAG" || { echo "LANGUAGE_TAG is not set: which language is it in?"; exit 3; }
