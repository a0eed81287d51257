module github.com/cardea-auth/cardea/examples/mutation

go 1.25.0
