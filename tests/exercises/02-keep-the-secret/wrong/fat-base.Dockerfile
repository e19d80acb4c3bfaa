# fails: absent
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token sh sign.sh /run/secrets/token
RUN go build -o server .

FROM builder
LABEL passed="true" multistage.course.stands-on="scratch"
CMD ["/src/server"]
