module github.com/cardea-auth/cardea/examples/evidence/mutation

go 1.25.0
