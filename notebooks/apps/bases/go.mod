module example.org/bases

go 1.22
