package mailer

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// textOfHTML returns what a person reads of HTML, with an LF at each line's end. Signatures are left out as far
// as the mail programs mark them. With answers a line > stands for all of a quotation, so that the words between
// two of them stay.
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
			case kind == html.StartTagToken && answers && e.isQuotation():
				t.line()
				t.WriteString(">\n")
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
	lists  []list
	fonts  []font
}

// list is one that is open.
type list struct {
	ordered bool
	letters string // a or A where items have letters
	next    int    // the number of the next item
}

// font is what an open element sets.
type font struct {
	element  string
	pictures bool // it is Wingdings, in which letters are pictures
}

// wingdings are what Outlook makes of signs while somebody types, and others that are met.
var wingdings = map[rune]string{
	'J': ":-)", 'K': ":-|", 'L': ":-(",
	'à': "->", 'ß': "<-", 'è': "=>", 'ç': "<=", 'ó': "<=>",
	'ü': "✓", 'û': "✗",
	'§': "-", 'l': "-", 'n': "-", 'v': "-", 'Ø': "-", // bullets
}

// text adds text, in which white space means no more than a space.
func (t *htmlText) text(s string) {
	if n := len(t.fonts); n > 0 && t.fonts[n-1].pictures {
		s = pictured(s)
	}
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

// pictured returns letters of Wingdings in signs that show the same. Word may write them in the private use area.
func pictured(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 0xF020 && r <= 0xF0FF {
			r -= 0xF000
		}
		if sign, known := wingdings[r]; known {
			b.WriteString(sign)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// mark keeps the space at the end of a signature's mark: RFC 3676 4.3
func (t *htmlText) mark() {
	if t.space && (t.String() == "--" || strings.HasSuffix(t.String(), "\n--")) {
		t.WriteByte(' ')
	}
}

// line ends the line, if there is something in it.
func (t *htmlText) line() {
	t.mark()
	if t.filled {
		t.WriteByte('\n')
	}
	t.filled, t.space = false, false
}

func (t *htmlText) start(e element) {
	switch e.Data {
	case "br":
		t.mark()
		t.WriteByte('\n')
		t.filled, t.space = false, false
	case "li":
		t.line()
		t.text(t.item(e))
		t.space = true
	case "ol", "ul":
		t.line()
		first, err := strconv.Atoi(e.attribute("start"))
		if err != nil {
			first = 1
		}
		t.lists = append(t.lists, list{ordered: e.Data == "ol", letters: e.attribute("type"), next: first})
	case "span", "font":
		face := e.attribute("face")
		if m := fontFamily.FindStringSubmatch(e.attribute("style")); m != nil {
			face = m[1]
		}
		inherited := len(t.fonts) > 0 && t.fonts[len(t.fonts)-1].pictures
		t.fonts = append(t.fonts, font{e.Data, face == "" && inherited || wingdingsFont.MatchString(face)})
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

// item returns what stands before an item of a list.
func (t *htmlText) item(e element) string {
	n := len(t.lists)
	if n == 0 || !t.lists[n-1].ordered {
		return "-"
	}
	l := &t.lists[n-1]
	if value, err := strconv.Atoi(e.attribute("value")); err == nil {
		l.next = value
	}
	number := l.next
	l.next++
	if (l.letters == "a" || l.letters == "A") && number >= 1 && number <= 26 {
		return string(rune(l.letters[0])+rune(number-1)) + "."
	}
	return strconv.Itoa(number) + "."
}

func (t *htmlText) end(name string) {
	switch name {
	case "ol", "ul":
		t.line()
		t.lists = t.lists[:max(0, len(t.lists)-1)]
	case "span", "font":
		if n := len(t.fonts); n > 0 && t.fonts[n-1].element == name {
			t.fonts = t.fonts[:n-1]
		}
	case "a":
		// A link that is not shown is said, as a phone shows no more than text. A link of a picture is a logo's.
		if t.link != "" {
			shown := strings.TrimRight(strings.TrimSpace(t.String()[t.linked:]), "/…")
			if shown != "" && !(strings.Contains(shown, ".") && strings.Contains(t.link, shown)) {
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

// isBlock reports whether an element stands on lines of its own.
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
	signatures  = regexp.MustCompile(`(?i)(^|[ _])(gmail_signature|moz-signature|signature|protonmail_signature_block|ms-outlook-mobile-signature|applemailsignature)( |$)`)
	// attributions say who wrote what is quoted, but yahoo_quoted, which has that too.
	attributions = regexp.MustCompile(`(?i)(^|[ _])(gmail_attr|yahoo_quoted|moz-cite-prefix)( |$)`)
	// quotes are classes of quotations. A div of that class may have answers between them.
	quotes = regexp.MustCompile(`(?i)(^|[ _])(gmail_quote|protonmail_quote|tutanota_quote)( |$)`)

	fontFamily    = regexp.MustCompile(`(?i)font-family:\s*["']?([^;"',]+)`)
	wingdingsFont = regexp.MustCompile(`(?i)^\s*wingdings\s*$`)
	// outlookHistory begins what Outlook puts below an answer, without an element around all of it.
	outlookHistory = regexp.MustCompile(`(?i)(^|[ _])(divrplyfwdmsg|appendonsend|stopspelling|outlookmessageheader|mail-editor-reference-message-container)( |$)`)
)

// leftOut reports whether nothing in the element is the writer's own text.
func (e element) leftOut(answers bool) bool {
	switch e.Data {
	case "script", "style", "title", "template", "noscript", "textarea", "select", "svg":
		return true
	}
	class, id := e.attribute("class"), e.attribute("id")
	return hidden.MatchString(e.attribute("style")) || signatures.MatchString(class) || signatures.MatchString(id) ||
		answers && (attributions.MatchString(class) || attributions.MatchString(id))
}

// isQuotation reports whether all in the element is quoted.
func (e element) isQuotation() bool {
	return e.Data == "blockquote" && (e.attribute("type") == "cite" || quotes.MatchString(e.attribute("class")))
}

// beginsHistory reports whether what follows is the mail that is answered.
func (e element) beginsHistory() bool {
	return outlookHistory.MatchString(e.attribute("id")) || outlookHistory.MatchString(e.attribute("class")) || outlookRule.MatchString(e.attribute("style"))
}
