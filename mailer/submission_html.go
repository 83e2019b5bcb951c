package mailer

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// textOfHTML returns what a person reads of HTML, with an LF at each line's end. Signatures are left
// out, and with answers quoted mail, as far as the mail programs mark them.
func textOfHTML(source string, answers bool) string {
	var t htmlText
	z := html.NewTokenizer(strings.NewReader(source))
	skipped, depth := "", 0 // inside an element that is left out, and so many of its name
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return t.String()
		case html.TextToken:
			if depth == 0 {
				t.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if depth > 0 {
				if token.Data == skipped && kind == html.StartTagToken {
					depth++
				}
				continue
			}
			e := element(token)
			switch {
			case answers && e.beginsHistory():
				return t.String()
			case kind == html.StartTagToken && !slices.Contains(voids(), token.Data) && e.leftOut(answers):
				skipped, depth = token.Data, 1
			default:
				t.start(e)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch {
			case depth == 0:
				t.end(string(name))
			case string(name) == skipped:
				depth--
			}
		}
	}
}

// voids are the elements without an end.
func voids() []string {
	return []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
}

// htmlText is text that is being put together from HTML.
type htmlText struct {
	strings.Builder
	filled bool // there is something in this line
	space  bool // white space came, and nothing after it
	pre    int  // inside so many <pre>
	link   string
	linked int // where the link's text begins
}

// text adds text, in which white space means no more than a space.
func (t *htmlText) text(s string) {
	if t.pre > 0 {
		t.WriteString(s)
		t.filled = !strings.HasSuffix(s, "\n")
		return
	}
	for _, r := range s {
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' {
			t.space = t.filled
			continue
		}
		if t.space {
			t.WriteByte(' ')
		}
		t.WriteRune(r)
		t.filled, t.space = true, false
	}
}

// line ends the line, if there is something in it.
func (t *htmlText) line() {
	if t.filled {
		t.WriteByte('\n')
	}
	t.filled, t.space = false, false
}

func (t *htmlText) start(e element) {
	switch e.Data {
	case "br":
		t.WriteByte('\n')
		t.filled, t.space = false, false
	case "li":
		t.line()
		t.text("-")
		t.space = true
	case "td", "th":
		t.space = t.filled
	case "img":
		if alt := e.attribute("alt"); !isASCII(alt) && len([]rune(alt)) <= 8 { // an emoji
			t.text(alt)
		}
	case "a":
		t.link, t.linked = "", t.Len()
		if href := e.attribute("href"); strings.HasPrefix(href, "http://") || strings.HasPrefix(href, "https://") {
			t.link = href
		}
	case "pre":
		t.line()
		t.pre++
	default:
		if isBlock(e.Data) {
			t.line()
		}
	}
}

func (t *htmlText) end(name string) {
	switch name {
	case "a":
		// A link that is not shown is said, as a phone shows no more than text.
		if t.link != "" {
			if shown := strings.TrimRight(strings.TrimSpace(t.String()[t.linked:]), "/…"); !strings.Contains(t.link, shown) {
				t.text(" (" + t.link + ")")
			}
		}
		t.link = ""
	case "pre":
		t.pre = max(0, t.pre-1)
		t.line()
	default:
		if isBlock(name) {
			t.line()
		}
	}
}

// isBlock says whether an element stands on lines of its own.
func isBlock(name string) bool {
	return slices.Contains([]string{"address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "figure", "footer", "form",
		"h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul"}, name)
}

// element is the start of one.
type element html.Token

func (e element) attribute(name string) string {
	for _, a := range e.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

var (
	hidden = regexp.MustCompile(`(?i)display:\s*none|mso-hide:\s*all`)
	// outlookRule is the line that Outlook draws above the mail that is answered.
	outlookRule = regexp.MustCompile(`(?i)border:\s*none;\s*border-top:\s*solid #(e1e1e1|b5c4df) 1\.0pt`)
	signatures  = regexp.MustCompile(`(?i)(^|[ _])(gmail_signature|moz-signature|signature|ms-outlook-mobile-signature|applemailsignature)( |$)`)
	quotes      = regexp.MustCompile(`(?i)(^|[ _])(gmail_quote|gmail_quote_container|gmail_attr|yahoo_quoted|moz-cite-prefix|protonmail_quote|tutanota_quote)( |$)`)
	// history begins what Outlook puts below an answer, without an element around all of it.
	history = regexp.MustCompile(`(?i)(^|[ _])(divrplyfwdmsg|appendonsend|stopspelling|outlookmessageheader|mail-editor-reference-message-container)( |$)`)
)

// leftOut says whether nothing in the element is the writer's own text.
func (e element) leftOut(answers bool) bool {
	switch e.Data {
	case "script", "style", "title", "template", "noscript", "textarea", "select", "svg":
		return true
	}
	class, id := e.attribute("class"), e.attribute("id")
	return hidden.MatchString(e.attribute("style")) || signatures.MatchString(class) || signatures.MatchString(id) ||
		answers && (quotes.MatchString(class) || e.Data == "blockquote" && e.attribute("type") == "cite")
}

// beginsHistory says whether what follows is the mail that is answered.
func (e element) beginsHistory() bool {
	return history.MatchString(e.attribute("id")) || history.MatchString(e.attribute("class")) || outlookRule.MatchString(e.attribute("style"))
}
