module example.org/platforms

go 1.22
