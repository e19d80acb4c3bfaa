module example.org/go-tiny

go 1.22
