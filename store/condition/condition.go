// Package condition is what rows say of the state of things: why a text was not sent, what is wrong with a
// modem, which alarm is open. A Condition is a code with arguments. Words for people are made from it where
// it is shown, so that no row holds a sentence and no code reads one back.
//
// A row holds a Condition as JSON in a TEXT column: {"code":"relay-refuses-sender","sender":"ann@example.org"}.
// Rows of older versions hold a sentence there. Parse makes a Condition of the code Sentence of them, which is
// shown as it is.
package condition

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Code names what is so. Codes are stored: a code that rows may hold never changes its meaning.
type Code string

// Condition is what is so: a code and its arguments. The zero Condition says nothing.
type Condition struct {
	Code Code
	args map[string]string
}

// longestArgument is how many octets of an argument are kept.
const longestArgument = 300

// New returns a Condition with arguments, given as pairs of name and value. A value may come from outside: it
// is made one line here, and shortened.
func New(code Code, pairs ...any) Condition {
	c := Condition{Code: code}
	for i := 0; i+1 < len(pairs); i += 2 {
		if c.args == nil {
			c.args = make(map[string]string, len(pairs)/2)
		}
		c.args[fmt.Sprint(pairs[i])] = shorten(fmt.Sprint(pairs[i+1]))
	}
	return c
}

// Arg returns the argument of that name; "" where there is none.
func (c Condition) Arg(name string) string { return c.args[name] }

// With returns the condition with one more argument.
func (c Condition) With(name, value string) Condition {
	args := maps.Clone(c.args)
	if args == nil {
		args = map[string]string{}
	}
	args[name] = shorten(value)
	return Condition{Code: c.Code, args: args}
}

// IsZero reports whether the condition says nothing.
func (c Condition) IsZero() bool { return c.Code == "" }

// Row returns the condition as a row holds it; "" for one that says nothing.
func (c Condition) Row() string {
	switch c.Code {
	case "":
		return ""
	case Sentence:
		return c.args["text"]
	}
	b, err := json.Marshal(c.With("code", string(c.Code)).args) // sorted by name, so that equal conditions are equal rows
	if err != nil {
		panic(err) // strings can always be marshalled
	}
	return string(b)
}

// Parse reads what a row holds.
func Parse(row string) Condition {
	if row == "" {
		return Condition{}
	}
	args := map[string]string{}
	if !strings.HasPrefix(row, "{") || json.Unmarshal([]byte(row), &args) != nil || args["code"] == "" {
		return Condition{Code: Sentence, args: map[string]string{"text": row}}
	}
	code := Code(args["code"])
	delete(args, "code")
	return Condition{Code: code, args: args}
}

// placeholder stands in a sentence of the catalogue for the argument of that name.
var placeholder = regexp.MustCompile(`\{[a-z-]+\}`)

// Words returns the condition in English: a phrase that begins with a small letter and ends without a stop.
func (c Condition) Words() string {
	words, known := english[c.Code]
	if !known && c.Code != "" { // of a newer version, before somebody went back to this one
		words = string(c.Code)
		for name, value := range c.args {
			words += " " + name + "=" + value
		}
		return words
	}
	return placeholder.ReplaceAllStringFunc(words, func(p string) string { return c.args[strings.Trim(p, "{}")] })
}

// WordsOf returns in English what a row holds.
func WordsOf(row string) string { return Parse(row).Words() }

// Shorten returns what a row is to hold, with a sentence made one line of at most that many octets. A condition
// stays whole: its arguments are short lines.
func Shorten(row string, most int) string {
	if Parse(row).Code != Sentence {
		return row
	}
	if row = OneLine(row); len(row) <= most {
		return row
	}
	return cut(row, most)
}

// shorten makes an argument one line and cuts it, and shows that it is cut.
func shorten(value string) string {
	if value = OneLine(value); len(value) <= longestArgument {
		return value
	}
	return cut(value, longestArgument) + "…"
}

// cut cuts text to at most so many octets, between two characters.
func cut(text string, most int) string {
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
