// Package cause says why something was refused: which check did it, what the check expected and what it got. The words are made when
// somebody reads them, which for most refusals is never. Every value of a request or a token goes through Text, Plain or List.
package cause

import (
	"errors"
	"strings"
)

// Sides are both sides of what decided, in words for an operator. Each may be empty: then there is nothing to say.
type Sides struct {
	Expected string // what would have passed
	Got      string // what came
	Hint     string // what most often lies behind it, and the remedy
}

// Cause is an error that knows both sides. It is immutable; what its words are made of must be so too.
type Cause struct {
	check error
	words func() Sides
}

// New makes the Cause of a check. words is called for each reader, maybe much later and by several at once.
func New(check error, words func() Sides) error { return &Cause{check, words} }

// Error is the check, and both sides.
func (c *Cause) Error() string {
	sides := c.words()
	var b strings.Builder
	b.WriteString(c.check.Error())
	for _, part := range []struct{ name, text string }{{": got ", sides.Got}, {", expected ", sides.Expected}, {"; ", sides.Hint}} {
		if part.text == "" {
			continue
		}
		if part.name[0] == ',' && sides.Got == "" {
			part.name = ": expected "
		}
		b.WriteString(part.name)
		b.WriteString(part.text)
	}
	return b.String()
}

// Unwrap returns the check.
func (c *Cause) Unwrap() error { return c.check }

// Split takes an error apart: the check in fixed words, and both sides if they are known. Of an error that is no Cause the text is all
// there is.
func Split(err error) (check string, sides Sides) {
	if err == nil {
		return "", Sides{}
	}
	var c *Cause
	if !errors.As(err, &c) {
		return err.Error(), Sides{}
	}
	sides = c.words()
	whole, known := err.Error(), c.Error()
	return strings.Replace(whole, known, c.check.Error(), 1), sides
}

// Hint is a check that has no sides, and what most often lies behind it.
func Hint(check, hint string) error {
	return New(errors.New(check), func() Sides { return Sides{Hint: hint} })
}
