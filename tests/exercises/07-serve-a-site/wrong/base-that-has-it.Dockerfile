# fails: bases
FROM node:20 AS builder
RUN true

FROM timetable:ready
COPY site.conf /etc/nginx/conf.d/default.conf
