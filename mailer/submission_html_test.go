package mailer

import "testing"

func TestWhatAPersonReadsOfHTML(t *testing.T) {
	t.Parallel()
	const wing = `<span style="font-family: Wingdings">`
	for _, c := range []struct{ name, source, want string }{
		{"paragraphs", "<p>a</p><p>b</p>c", "a\nb\nc"},
		{"white space", "  a \n\t b<br>  c  ", "a b\nc"},
		{"an empty line", "a<br><br>b", "a\n\nb"},
		{"inline elements", "a<b>b</b><i> c</i>", "ab c"},
		{"cells", "<table><tr><td>a</td><td>b</td></tr><tr><th>c</th><th>d</th></tr></table>", "a b\nc d\n"},
		{"a list", "<ul><li>a<li>b</ul>c", "- a\n- b\nc"},
		{"items without a list", "<li>a<li>b", "- a\n- b"},
		{"a numbered list", "<ol><li>a<li>b</ol>", "1. a\n2. b\n"},
		{"a list that starts at 5", "<ol start=5><li>a<li value=9>b<li>c</ol>", "5. a\n9. b\n10. c\n"},
		{"letters", "<ol type=a><li>x<li>y<li value=26>z<li>end</ol>", "a. x\nb. y\nz. z\n27. end\n"},
		{"capitals", "<ol type=A><li>x<li value=0>y</ol>", "A. x\n0. y\n"},
		{"a list in a list", "<ol><li>a<ul><li>x</ul><li>b</ol>", "1. a\n- x\n2. b\n"},
		{"ends without a beginning", "</ol></ul></span></pre></a>a", "a"},
		{"lines that are kept", "<pre>a\n  b</pre>c", "a\n  b\nc"},
		{"lines that are kept, twice", "<pre><pre>a  b</pre>c  d</pre>e  f", "a  b\nc  d\ne f"},
		{"kept lines that end", "<pre>a\n</pre>b", "a\nb"},
		{"a link", `<a href="https://example.org/x">here</a>.`, "here (https://example.org/x)."},
		{"a link that is shown", `<a href="https://example.org/x">https://example.org/x</a>`, "https://example.org/x"},
		{"a link that is shown in part", `<a href="https://example.org/xyz">example.org/x…</a>`, "example.org/x…"},
		{"a link to mail", `<a href="mailto:a@b">a</a>`, "a"},
		{"a link in the clear", `<a href="http://example.org">a</a>`, "a (http://example.org)"},
		{"a link whose word stands in it", `<a href="https://shop.example.org/x">shop</a>`,
			"shop (https://shop.example.org/x)"},
		{"a link of a picture", `a<a href="https://example.org/x"><img src=y></a>`, "a"},
		{"a link behind a link", `<a href="https://example.org/x">x</a><a name=y>y</a>`, "x (https://example.org/x)y"},
		{"an emoji", `a<img alt="😀">`, "a😀"},
		{"the words of a picture", `a<img alt="Our logo"><img alt="Ein großes Bild">`, "a"},
		{"eight characters", `a<img alt="üüüüüüüü"><img alt="ääääääääa">`, "aüüüüüüüü"},
		{"a smile", wing + "J</span> J", ":-) J"},
		{"a smile of Word", wing + "\uf04a</span>", ":-)"},
		{"the ends of the private use area", wing + "x\uf020\uf0ff\uf01f\uf100</span>", "x ÿ\uf01f\uf100"},
		{"a font inside", wing + "J<span>K</span><span style='font-family:Arial'>J</span>L</span>J", ":-):-|J:-(J"},
		{"an old font", "<font face=Wingdings>à</font> à", "-> à"},
		{"Wingdings 2", "<font face='Wingdings 2'>J</font>", "J"},
		{"a font that ends too often", wing + "</font>J</span>J", ":-)J"},
		{"what is not shown", "a<style>b</style><title>c</title><p style='DISPLAY:none'>d<p>e</p></p>f<select>g</select>", "af"},
		{"elements of the same name", "<div style='display:none'>a<div>b</div>c</div>d", "d"},
		{"an element without an end", "<br style='display:none'>a", "\na"},
		{"a signature", "a<div class=gmail_signature>b</div>", "a"},
		{"a signature by its id", "a<div id=Signature>b</div>c", "ac"},
		{"a signature's mark", "a<br>-- <br>Ann", "a\n-- \nAnn"},
		{"a mark at the beginning", "<div>-- </div>Ann", "-- \nAnn"},
		{"dashes", "a<br>--<br>b", "a\n--\nb"},
		{"dashes in a line", "a -- <br>b", "a --\nb"},
		{"a comment", "a<!-- b -->c", "ac"},
		{"entities", "a&nbsp;&lt;&uuml;", "a\u00a0<ü"},
	} {
		if got := textOfHTML(c.source, false); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatIsLeftOutOfAnswersInHTML(t *testing.T) {
	t.Parallel()
	const rule = "<div style='border:none;border-top:solid #E1E1E1 1.0pt'>From: b</div>"
	for _, c := range []struct{ name, source, answer, other string }{
		{"a quotation", "a<blockquote type=cite>b</blockquote>c", "a\n>\nc", "a\nb\nc"},
		{"a quotation of Gmail", "a<blockquote class=gmail_quote>b</blockquote>c", "a\n>\nc", "a\nb\nc"},
		{"a quotation in a quotation", "<blockquote type=cite>a<blockquote>b</blockquote>c</blockquote>d", ">\nd", "a\nb\nc\nd"},
		{"what is set in", "a<blockquote>b</blockquote>c", "a\nb\nc", "a\nb\nc"},
		{"a div of that class", "<div class=gmail_quote>a</div>", "a\n", "a\n"},
		{"who wrote", "<div class=gmail_attr>Bob wrote:</div>a", "a", "Bob wrote:\na"},
		{"who wrote, by an id", "<div id=yahoo_quoted>Bob wrote:</div>a", "a", "Bob wrote:\na"},
		{"Outlook's rule", "a" + rule + "b", "a", "a\nFrom: b\nb"},
		{"Outlook's mark", "a<div id=divRplyFwdMsg>b</div>c", "a", "a\nb\nc"},
		{"Outlook's mark as a class", "a<div class='x OutlookMessageHeader'>b</div>c", "a", "a\nb\nc"},
		{"a void element of a quotation", "<hr id=stopSpelling>a", "", "a"},
	} {
		if got := textOfHTML(c.source, true); got != c.answer {
			t.Errorf("%s: an answer is %q, want %q", c.name, got, c.answer)
		}
		if got := textOfHTML(c.source, false); got != c.other {
			t.Errorf("%s: another mail is %q, want %q", c.name, got, c.other)
		}
	}
}
