module example.org/team

go 1.22

require example.org/greet v0.0.0

replace example.org/greet => ./greet
