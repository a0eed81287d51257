module github.com/cardea-auth/cardea/examples/evidence/release

go 1.25.0

require golang.org/x/mod v0.40.0
