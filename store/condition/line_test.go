package condition

import "testing"

func TestForeignTextIsMadeLines(t *testing.T) {
	for _, c := range []struct{ text, line, lines string }{
		{"Vodafone", "Vodafone", "Vodafone"},
		{"Net\x1b[31mwork\x07", "Net [31mwork", "Net [31mwork"},
		{"a\r\nb", "a  b", "a\nb"},
		{"a\rb\x00c", "a b c", "a\nb c"},
		{"1. Credit\n   2. Help \n", "1. Credit    2. Help", "1. Credit\n   2. Help\n"},
		{"left\u202eright\u2066\u200f", "left right", "left right"},
		{"\u2028separated", "separated", " separated"},
		{"می\u200cخواهم 👩\u200d🚒 é", "می\u200cخواهم 👩\u200d🚒 é", "می\u200cخواهم 👩\u200d🚒 é"},
		{"", "", ""},
	} {
		if got := OneLine(c.text); got != c.line {
			t.Errorf("%q as one line is %q, want %q", c.text, got, c.line)
		}
		if got := Lines(c.text); got != c.lines {
			t.Errorf("%q as lines is %q, want %q", c.text, got, c.lines)
		}
	}
	if got, want := New("x", "a", "one\ntwo\x1b").Arg("a"), "one two"; got != want {
		t.Errorf("the argument is %q, want %q", got, want)
	}
	if got, want := Shorten("one\ntwo\u202e", 100), "one two"; got != want {
		t.Errorf("the row is %q, want %q", got, want)
	}
}
