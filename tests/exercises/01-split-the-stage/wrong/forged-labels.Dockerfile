# fails: absent
FROM scratch AS nothing

FROM golang:1.22
LABEL multistage.course="base" multistage.course.name="01-split-the-stage:latest" multistage.course.stands-on="scratch" passed="true"
COPY --from=nothing / /nothing/
WORKDIR /src
COPY . .
RUN go build -o /app/server .
CMD ["/app/server"]
