package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// mutant is the code with one check taken out.
type mutant struct {
	number int // selects it in the environment; unique within a package
	file   string
	line   int
	in     string // the function; "" outside
	on     string // the type of its receiver; "" without one
	kind   kind
	text   string // the source of the check
	check  string // text on one line; the second of its equals in a function ends in (2)

	start, end int    // its bytes in the file
	tag        string // of the switch, by a name that can be read again: it tells the type of a constant
	hoisted    *place // of the tag, where it calls something and so gets such a name
	fate       fate

	source, tests string // versions, for the state
	place         int    // among the mutants of the file
}

// place is a range of bytes in a file.
type place struct{ start, end int }

// kind says how a check is taken out. Its text is what the report prints and what accepted.go names.
type kind string

const (
	neverTaken  kind = "if never taken"  // of an if, or a case of a switch without a tag, that does not accept
	alwaysTaken kind = "if always taken" // of one that accepts
	andGone     kind = "operand of && ignored"
	orGone      kind = "operand of || ignored"
	alwaysTrue  kind = "result is true"   // of a function that returns a bool
	valueGone   kind = "case ignored"     // one value of a switch with a tag
	wordGone    kind = "word not in list" // one string of a list
)

// switchName is the function that the overlay adds to the package: it tells whether the mutant of this number is alive.
const switchName = "cardeaMutant"

// fate is what the tests made of a mutant.
type fate string

const (
	untried  fate = "not tried"
	killed   fate = "killed"
	hung     fate = "killed (hung)"
	survived fate = "SURVIVED"
)

// wrapping is the text around the check that makes it depend on the mutant's number.
func (m *mutant) wrapping() (prefix, suffix string) {
	n := strconv.Itoa(m.number)
	switch m.kind {
	case valueGone, wordGone:
		if m.tag != "" {
			return switchName + "Case(" + n + ", " + m.tag + ", ", ")"
		}
		return switchName + "Gone(" + n + ", ", ")"
	case alwaysTaken, alwaysTrue, andGone:
		return "(" + switchName + "(" + n + ") || (", "))"
	default:
		return "(!" + switchName + "(" + n + ") && (", "))"
	}
}

// finder collects the checks of one file.
type finder struct {
	set    *token.FileSet
	file   string
	source []byte
	in, on string
	found  []*mutant
}

// find lists the checks of a file in the order of the source.
func find(file string, source []byte) ([]*mutant, error) {
	f := &finder{set: token.NewFileSet(), file: file, source: source}
	tree, err := parser.ParseFile(f.set, file, source, 0)
	if err != nil {
		return nil, err
	}
	for _, declaration := range tree.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				f.in, f.on = d.Name.Name, receiver(d)
				f.inspect(d.Body, d.Type)
			}
		case *ast.GenDecl:
			if d.Tok != token.CONST { // no constant depends on the environment
				f.in, f.on = "", ""
				f.inspect(d, nil)
			}
		}
	}
	return f.found, nil
}

// receiver is the name of the type whose method d is; "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	for {
		switch t := of.(type) {
		case *ast.StarExpr:
			of = t.X
		case *ast.IndexExpr: // of one type parameter
			of = t.X
		case *ast.IndexListExpr:
			of = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}

func (f *finder) add(k kind, e ast.Expr) *mutant {
	start := f.set.Position(e.Pos())
	m := &mutant{
		file: f.file, line: start.Line, in: f.in, on: f.on, kind: k, fate: untried,
		start: start.Offset, end: f.set.Position(e.End()).Offset,
	}
	m.text = string(f.source[m.start:m.end])
	m.check = m.flat()
	equals := 1
	for _, other := range f.found {
		if other.in == m.in && other.kind == m.kind && other.text == m.text {
			equals++
		}
	}
	if equals > 1 {
		m.check += fmt.Sprintf(" (%d)", equals)
	}
	f.found = append(f.found, m)
	return m
}

// inspect walks over a body; signature is that of the function whose body it is.
func (f *finder) inspect(body ast.Node, signature *ast.FuncType) {
	ast.Inspect(body, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncLit:
			f.inspect(n.Body, n.Type)
			return false
		case *ast.IfStmt:
			f.add(taken(n.Body.List, signature), n.Cond)
		case *ast.SwitchStmt:
			f.cases(n, signature)
		case *ast.BinaryExpr:
			f.operands(n)
		case *ast.ReturnStmt:
			f.result(n, signature)
		case *ast.CompositeLit:
			f.words(n)
		}
		return true
	})
}

func (f *finder) cases(s *ast.SwitchStmt, signature *ast.FuncType) {
	tag := ""
	var hoisted *place
	if s.Tag != nil {
		at := &place{f.set.Position(s.Tag.Pos()).Offset, f.set.Position(s.Tag.End()).Offset}
		switch {
		case isPure(s.Tag):
			tag = string(f.source[at.start:at.end])
		case s.Init == nil:
			tag, hoisted = switchName+"Tag", at
		}
	}
	for _, clause := range s.Body.List {
		c := clause.(*ast.CaseClause)
		for _, e := range c.List {
			if s.Tag != nil {
				if m := f.add(valueGone, e); isPure(e) { // a conversion has its type without the tag
					m.tag, m.hoisted = tag, hoisted
					hoisted = nil // once
				}
			} else {
				f.add(taken(c.Body, signature), e)
			}
		}
	}
}

// isPure says that an expression calls nothing.
func isPure(e ast.Expr) bool {
	pure := true
	ast.Inspect(e, func(node ast.Node) bool {
		if _, isCall := node.(*ast.CallExpr); isCall {
			pure = false
		}
		return pure
	})
	return pure
}

func (f *finder) operands(e *ast.BinaryExpr) {
	if e.Op != token.LAND && e.Op != token.LOR {
		return
	}
	for _, operand := range []ast.Expr{e.X, e.Y} {
		if inner, ok := operand.(*ast.BinaryExpr); ok && inner.Op == e.Op {
			continue // a && b && c has three operands
		}
		if e.Op == token.LAND {
			f.add(andGone, operand)
		} else {
			f.add(orGone, operand)
		}
	}
}

// result finds "return a == b": the last result of a function that returns a bool.
func (f *finder) result(r *ast.ReturnStmt, signature *ast.FuncType) {
	if len(r.Results) == 0 || lastResult(signature) != "bool" {
		return
	}
	last := r.Results[len(r.Results)-1]
	if _, isName := last.(*ast.Ident); !isName && len(r.Results) == signature.Results.NumFields() {
		f.add(alwaysTrue, last)
	}
}

// words finds the elements of a []string.
func (f *finder) words(c *ast.CompositeLit) {
	list, ok := c.Type.(*ast.ArrayType)
	if !ok || nameOf(list.Elt) != "string" {
		return
	}
	for _, element := range c.Elts {
		if word, ok := element.(*ast.BasicLit); ok {
			f.add(wordGone, word)
		}
	}
}

// taken decides which way to break an if or a case: one that accepts is always taken, any other never.
func taken(body []ast.Stmt, signature *ast.FuncType) kind {
	if len(body) == 0 {
		return neverTaken
	}
	r, ok := body[len(body)-1].(*ast.ReturnStmt)
	if !ok || len(r.Results) == 0 {
		return neverTaken
	}
	last := nameOf(r.Results[len(r.Results)-1])
	switch lastResult(signature) {
	case "bool":
		if last == "true" {
			return alwaysTaken
		}
	case "error", "Error":
		if last == "nil" {
			return alwaysTaken
		}
	}
	return neverTaken
}

// lastResult names the type of the last result, without its star; "" if there is none or it has no name.
func lastResult(signature *ast.FuncType) string {
	if signature == nil || signature.Results == nil {
		return ""
	}
	fields := signature.Results.List
	last := fields[len(fields)-1].Type
	if pointer, ok := last.(*ast.StarExpr); ok {
		last = pointer.X
	}
	return nameOf(last)
}

func nameOf(e ast.Expr) string {
	if name, ok := e.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}
