FROM debian
RUN cd /x; sudo make
RUN apt-get install curl
USER root
