package condition

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

func TestARowHoldsACondition(t *testing.T) {
	english["tray-full"] = "the disk {disk} has {free} left: delete something"
	defer delete(english, "tray-full")
	c := New("tray-full", "disk", "/data", "free", 12)
	const row = `{"code":"tray-full","disk":"/data","free":"12"}`
	if got := c.Row(); got != row {
		t.Errorf("the row is %s, want %s", got, row)
	}
	back := Parse(row)
	if back.Code != "tray-full" || back.Arg("disk") != "/data" || back.Arg("free") != "12" || back.Row() != row {
		t.Errorf("the row is read as %+v", back)
	}
	if got, want := back.Words(), "the disk /data has 12 left: delete something"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARowOfAnOlderVersionIsShownAsItIs(t *testing.T) {
	for _, row := range []string{"the SIM asks for its PIN", "{not JSON}", `{"text":"no code"}`, ""} {
		c := Parse(row)
		if c.Words() != row || c.Row() != row || c.IsZero() != (row == "") {
			t.Errorf("%q is shown as %q and stored as %q", row, c.Words(), c.Row())
		}
	}
}

func TestWhatAnArgumentSaysIsNoPlaceholder(t *testing.T) {
	english["told"] = "{who} said {what}"
	defer delete(english, "told")
	if got, want := New("told", "who", "{what}", "what", "no").Words(), "{what} said no"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestALongArgumentIsCutBetweenCharacters(t *testing.T) {
	got := New("x", "a", strings.Repeat("ä", 400)).Arg("a")
	if want := strings.Repeat("ä", longestArgument/2) + "…"; got != want {
		t.Errorf("got %d octets: %q", len(got), got)
	}
}

func TestACodeOfANewerVersionIsShownAsItIs(t *testing.T) {
	if got, want := Parse(`{"code":"from-the-future","a":"1"}`).Words(), "from-the-future a=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Every code has words, and every argument that they ask for is named beside the code.
func TestEachCodeHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "catalogue.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is || len(spec.Values) != 1 {
			return true
		}
		value, is := spec.Values[0].(*ast.BasicLit)
		if !is {
			return true
		}
		codes++
		code := Code(strings.Trim(value.Value, `"`))
		words, known := english[code]
		comment := spec.Doc.Text() + spec.Comment.Text()
		if !known {
			t.Errorf("%s has no words", code)
		}
		for _, p := range placeholder.FindAllString(words, -1) {
			if name := strings.Trim(p, "{}"); !regexp.MustCompile(`\b` + name + `\b`).MatchString(comment) {
				t.Errorf("%s: its words ask for the argument %s, which its comment does not name", code, name)
			}
		}
		return true
	})
	if codes != len(english) {
		t.Errorf("%d codes are declared, and %d have words", codes, len(english))
	}
}
