module github.com/cardea-auth/cardea/examples/evidence/internal/chart

go 1.25.0
