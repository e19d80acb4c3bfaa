FROM debian:12

RUNN make
