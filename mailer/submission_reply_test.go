package mailer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// keptReplies are texts of go-smtp that need no other words, or that cannot be met here.
var keptReplies = strings.Split(`DATA not allowed during message transfer
MAIL not allowed during message transfer
RCPT not allowed during message transfer
DATA not allowed for BINARYMIME messages
BINARYMIME is not implemented
DELIVERBY is not implemented
ENVID is not implemented
MT-PRIORITY is not implemented
NOTIFY is not implemented
ORCPT is not implemented
REQUIRETLS is not implemented
RET is not implemented
RRVS is not implemented
SMTPUTF8 is not implemented
Malformed AUTH parameter mailbox
Malformed AUTH parameter value
Unknown BODY value
Unknown RET value
Malformed BY parameter value
BY parameter is below server minimum
Malformed ENVID parameter value
Malformed MT-PRIORITY parameter value
MT-PRIORITY is outside valid range
Malformed NOTIFY parameter value
Malformed ORCPT parameter value
Malformed RRVS parameter value
This is a LMTP server, use LHLO
TLS is required
Already running in TLS
Ready to start TLS
Handshake error
Authentication failed
Please authenticate first
Authentication not supported
Unsupported authentication mechanism`, "\n")

// Each text that go-smtp can answer with is known, so that a new version says nothing unseen to people.
func TestEveryReplyOfTheLibrary(t *testing.T) {
	t.Parallel()
	directory, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/emersion/go-smtp").Output()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, name := range []string{"conn.go", "server.go", "data.go", "backend.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(directory)), name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			texts = append(texts, replyTexts(n)...)
			return true
		})
	}
	if len(texts) < 60 {
		t.Fatalf("only %d texts were found", len(texts))
	}
	varies := regexp.MustCompile(`%[a-z]`)
	for _, text := range texts {
		w := replyWriter{name: func() string { return "box.example.org" }, command: "EHLO"}
		code := "250 2.0.0 "
		switch text {
		case "Bye":
			code = "221 2.0.0 "
		case "%v %s Service Ready":
			code, w.command = "220 ", ""
		case "<", "> ": // of LMTP
			continue
		}
		line := code + varies.ReplaceAllString(text, "x")
		if w.reply(line) == line && !slices.Contains(keptReplies, text) {
			t.Errorf("go-smtp says %q, and nothing is known of it", text)
		}
	}
}

// replyTexts returns what a node of go-smtp's source says in a reply.
func replyTexts(n ast.Node) (texts []string) {
	var within []ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok {
			switch f.Sel.Name {
			case "writeResponse", "protocolError":
				within = n.Args
			case "Sprintf":
				if text, ok := n.Args[0].(*ast.BasicLit); ok && strings.Contains(text.Value, "Syntax errors") {
					within = n.Args[:1]
				}
			}
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Message" {
			within = []ast.Expr{n.Value}
		}
	}
	for _, e := range within {
		ast.Inspect(e, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				value, _ := strconv.Unquote(text.Value)
				texts = append(texts, value)
			}
			return true
		})
	}
	return texts
}
