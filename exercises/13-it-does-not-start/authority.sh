#!/bin/sh
# Makes the harbour's own authority (authority.crt), and the office's certificate and key, which it signs (office.pem).
set -e
name=office.harbour.example
curve="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650"
openssl req -x509 $curve -subj "/CN=Harbour authority" -keyout authority.key -out authority.crt
openssl req -x509 $curve -CA authority.crt -CAkey authority.key -subj "/CN=$name" -addext "subjectAltName=DNS:$name" \
    -keyout office.key -out office.crt
cat office.crt office.key > office.pem
