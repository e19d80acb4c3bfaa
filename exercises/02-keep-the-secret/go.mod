module example.org/signed

go 1.22
