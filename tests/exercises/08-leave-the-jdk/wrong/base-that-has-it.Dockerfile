# fails: bases
FROM eclipse-temurin:17-jdk AS builder
RUN true

FROM tides:ready
USER nobody
EXPOSE 8080
