module github.com/cardea-auth/cardea/examples/evidence/soak

go 1.25.0

require (
	github.com/cardea-auth/cardea v0.1.0
	github.com/cardea-auth/cardea/examples/evidence/internal/chart v0.1.0
)

require (
	github.com/MicahParks/jwkset v0.11.3 // indirect
	github.com/MicahParks/keyfunc/v3 v3.9.0 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/hashicorp/golang-lru/v2 v2.0.7 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace (
	github.com/cardea-auth/cardea => ../../..
	github.com/cardea-auth/cardea/examples/evidence/internal/chart => ../internal/chart
)
