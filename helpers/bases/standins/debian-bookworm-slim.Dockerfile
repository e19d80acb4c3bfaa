# debian:bookworm-slim: Debian with a shell and apt.
#
# An image begins somewhere: with an archive of files, unpacked onto nothing. mmdebstrap makes this one from
# Debian's packages, as debuerreotype makes that of the original.
FROM scratch
ADD debian.tar /
CMD ["bash"]
