package mailer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"github.com/emersion/go-smtp"
)

const (
	mostHeader = 64 << 10 // octets
	mostParts  = 50
	mostDepth  = 8
	// mostLogo is how large a picture in the text is that is taken for a part of a signature, in octets.
	mostLogo = 64 << 10
	// mostHops is how many servers a mail may have come through: RFC 5321 6.3
	mostHops = 30
)

// composed is the text of a mail.
type composed struct {
	text     string
	identity string // what tells the mail from one with the same words; "" where nothing does
	program  string // that it was written with
}

// compose makes of a mail the text that its writer means to send: no quoted history, no signature.
func compose(source []byte, isBox func(domain string) bool) (m composed, no *smtp.SMTPError) {
	top, _ := message.ReadWithOptions(bytes.NewReader(source), &message.ReadOptions{MaxHeaderBytes: mostHeader})
	if top == nil {
		return m, unreadable("its header is no mail's, or too long")
	}
	h := &top.Header
	body := bufio.NewReader(bytes.NewReader(source))
	textproto.ReadHeader(body) // it is whole, as was seen
	entity, err := opened(*h, body)
	if why := automatic(h); why != "" {
		return m, refusal(550, smtp.EnhancedCode{5, 7, 1}, "A program wrote this mail (%s), so it becomes no text", why)
	}
	var c contents
	pieces, no := c.read(entity, err, 0)
	if no == nil {
		no = c.pictures()
	}
	if no != nil {
		return m, no
	}
	mail := traitsOf(h, isBox)
	var whole []string
	for _, p := range pieces {
		words := p.words(mail)
		if p.flaw != "" && strings.ContainsRune(words, utf8.RuneError) {
			return m, unreadable(p.flaw)
		}
		whole = append(whole, words)
	}
	m.text = strings.TrimSpace(strings.Join(whole, "\n\n"))
	if !visible(m.text) && c.byproduct != nil {
		return m, c.byproduct // what the mail says may be in there
	}
	if !visible(m.text) && !mail.answers && !mail.forwards {
		m.text = oneLine(clean(field(h, "Subject")))
		if strings.ContainsRune(m.text, utf8.RuneError) || encodedWord.MatchString(m.text) {
			return m, unreadable("its subject contains invalid characters; retype it")
		}
	}
	if !visible(m.text) {
		return m, refusal(554, smtp.EnhancedCode{5, 6, 0}, "The mail has no text of its own. Nothing was sent")
	}
	if what := armour(m.text); what != "" {
		return m, refusal(554, smtp.EnhancedCode{5, 6, 1}, "The mail has %s in its text: send it without that. Nothing was sent", what)
	}
	m.program = mail.program
	switch id := strings.TrimSpace(h.Get("Message-ID")); {
	case id != "":
		m.identity = id
	case h.Has("Date"):
		digest := sha256.Sum256(source)
		m.identity = string(digest[:])
	}
	return m, nil
}

// traitsOf returns what the header tells of the text. isBox reports whether a domain is the box's.
func traitsOf(h *message.Header, isBox func(domain string) bool) *traits {
	subject := field(h, "Subject")
	known, _ := subjectPrefix(subject)
	threaded := h.Has("In-Reply-To") || h.Has("References")
	if len(strings.TrimSpace(known)) == 1 && !threaded {
		known = "" // R: and I: of Italian programs may be anything
	}
	forwards := known != "" && strings.Contains(forwardPrefixes, known)
	answers := known != "" && strings.Contains(answerPrefixes, known)
	if !forwards && !answers {
		answers = threaded
	}
	return &traits{
		answers: answers, forwards: forwards, titled: known != "", answersBox: namesBox(field(h, "In-Reply-To"), isBox),
		subject: bareSubject(clean(subject)), program: clean(oneLine(field(h, "User-Agent") + field(h, "X-Mailer"))),
		from: strings.Trim(address.FindString(field(h, "From")), "."), isBox: isBox,
	}
}

// namesBox reports whether a Message-ID is the box's.
func namesBox(id string, isBox func(domain string) bool) bool {
	for _, found := range address.FindAllStringSubmatch(id, -1) {
		if isBox(strings.Trim(found[1], ".")) {
			return true
		}
	}
	return false
}

var (
	beginsArmour = regexp.MustCompile(`(?m)^-----BEGIN (PGP [A-Z ]+|PKCS7)-----$`)
	// beginsFile is the first line of a file in a text, and the line that follows.
	beginsFile = regexp.MustCompile(`(?m)^begin(-base64)? [0-7]{3,4} \S.*\n(.*)$`)
	endsFile   = regexp.MustCompile(`(?m)^(end|====)$`)
	base64Line = regexp.MustCompile(`^[A-Za-z0-9+/]{4,}=*$`)
)

// armour names what a text holds that is made for programs and not for people; "" where it does not.
// RFC 9580 6.2, POSIX uuencode
func armour(text string) string {
	if beginsArmour.MatchString(text) {
		return "something encrypted or signed (PGP)"
	}
	if file := beginsFile.FindStringSubmatch(text); file != nil && endsFile.MatchString(text) {
		if file[1] != "" && base64Line.MatchString(file[2]) || file[1] == "" && isUuencoded(file[2]) {
			return "a file (uuencode)"
		}
	}
	return ""
}

// isUuencoded reports whether a line has as many octets as its first one says: four for each three of the file.
// Spaces at its end may have got lost.
func isUuencoded(line string) bool {
	const most = 45 // octets of the file
	if line == "" || line[0] < ' ' || line[0] > ' '+64 {
		return false
	}
	n := int(line[0]-' ') % 64
	full := (n + 2) / 3 * 4
	got := len(line) - 1
	return n <= most && got <= full+1 && got >= full-4 && !strings.ContainsFunc(line, func(r rune) bool { return r > '`' })
}

// automatic says by what a mail shows that no person wrote it; "" where nothing does.
func automatic(h *message.Header) string {
	value := func(name string) string { return strings.ToLower(strings.TrimSpace(h.Get(name))) }
	sent, _, _ := strings.Cut(value("Auto-Submitted"), ";") // RFC 3834 5
	sent = strings.TrimSpace(sent)
	alarm := sent == "auto-generated" // of a program that has signed in
	if sent != "" && sent != "no" && !(alarm && !answersOrLists(h)) {
		return "Auto-Submitted"
	}
	switch value("Precedence") {
	case "bulk", "list", "junk", "auto_reply":
		return "Precedence"
	}
	if value("Return-Path") == "<>" {
		return "Return-Path"
	}
	// What Exchange and others write into automatic answers. MS-OXCMAIL 2.1.3.2.20
	for _, word := range strings.FieldsFunc(value("X-Auto-Response-Suppress"), func(r rune) bool { return r == ',' || r == ' ' }) {
		if word == "all" || !alarm && (word == "oof" || word == "autoreply") {
			return "X-Auto-Response-Suppress"
		}
	}
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Mail-Autoreply", "List-Id"} {
		if h.Has(name) {
			return name
		}
	}
	if kind, _, _ := h.ContentType(); kind == "multipart/report" { // RFC 6522
		return "multipart/report"
	}
	hops := 0
	for f := h.FieldsByKey("Received"); f.Next(); {
		hops++
	}
	if hops > mostHops {
		return "it goes round in circles"
	}
	return ""
}

// answersOrLists reports whether a mail answers another, or was sent to a list: what a program writes is no
// alarm then.
func answersOrLists(h *message.Header) bool {
	if known, _ := subjectPrefix(field(h, "Subject")); known != "" && strings.Contains(answerPrefixes, known) {
		return true
	}
	for f := h.Fields(); f.Next(); {
		if name := strings.ToLower(f.Key()); name == "in-reply-to" || strings.HasPrefix(name, "list-") {
			return true
		}
	}
	return false
}

// encodedWord is one that could not be decoded, as its charset is not known. RFC 2047 2
var encodedWord = regexp.MustCompile(`=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=`)

// field returns a field of the header decoded, as far as that is possible.
func field(h *message.Header, name string) string {
	text, err := h.Text(name)
	if err != nil {
		text = h.Get(name)
	}
	text, _ = unicodeOf([]byte(text), "")
	return text
}

func unreadable(why string) *smtp.SMTPError {
	return refusal(554, smtp.EnhancedCode{5, 6, 0}, "The mail cannot be read: %s. Nothing was sent", why)
}

// piece is a part of a mail that a person reads.
type piece struct {
	html bool
	text string // lines end in LF
	flaw string // why there are characters in it that cannot be read, with U+FFFD in their place; "" where there are none
	flow bool   // format=flowed was undone, so no line ends but where the writer ended it
}

// words are those of the mail's writer.
func (p piece) words(mail *traits) string {
	text := p.text
	if p.html {
		text = textOfHTML(text, mail.answers)
	}
	text = ownText(clean(text), mail)
	if !p.html && !p.flow {
		text = unwrap(text)
	}
	return text
}

// contents is what is met in a mail.
type contents struct {
	parts int
	html  []string // as it came
	logos []string // Content-IDs of small pictures, in whose place the text must be without them
	// byproduct refuses what a program added by itself, where there is no text beside; nil where it added nothing.
	byproduct *smtp.SMTPError
}

// read returns the pieces of an entity. err is what message.Read said of it, depth what it is in.
func (c *contents) read(e *message.Entity, err error, depth int) ([]piece, *smtp.SMTPError) {
	if c.parts++; c.parts > mostParts || depth > mostDepth {
		return nil, unreadable("it has too many parts")
	}
	kind, params, malformed := e.Header.ContentType()
	if malformed != nil {
		// Its parameters are, as a rule: a file name without quotes.
		kind, _, _ = strings.Cut(strings.ToLower(kind), ";")
		if kind, params = strings.TrimSpace(kind), nil; !strings.Contains(kind, "/") {
			kind = "text/plain" // RFC 2045 5.2
		}
	}
	disposition, more, _ := e.Header.ContentDisposition()
	file := strings.HasPrefix(strings.ToLower(disposition), "attachment")
	name := more["filename"]
	if name == "" {
		name = params["name"]
	}
	switch {
	case kind == "multipart/alternative":
		return c.alternative(e, depth)
	case kind == "multipart/encrypted", strings.HasSuffix(kind, "pkcs7-mime"):
		return nil, refusal(554, smtp.EnhancedCode{5, 6, 1}, "The mail is encrypted, or signed in a way that cannot be read here: send it without that. Nothing was sent")
	case strings.HasPrefix(kind, "multipart/"):
		return c.each(e, depth)
	case isByproduct(kind, params, name):
		c.byproduct = attached(kind, name)
		return nil, nil
	case strings.HasSuffix(kind, "pgp-signature"), strings.HasSuffix(kind, "pkcs7-signature"), strings.HasSuffix(kind, "pgp-keys"):
		return nil, nil // RFC 1847: what is signed goes without
	case (kind == "text/plain" || kind == "text/html") && !file && name == "":
		p, no := c.piece(e, err, kind == "text/html", params)
		return []piece{p}, no
	}
	octets, failed := io.Copy(io.Discard, e.Body)
	if id := strings.Trim(e.Header.Get("Content-Id"), " <>"); failed == nil && id != "" && octets <= mostLogo && strings.HasPrefix(kind, "image/") {
		c.logos = append(c.logos, id)
		return nil, nil
	}
	return nil, attached(kind, name)
}

// isByproduct reports whether a part is what a program adds by itself to a text that says all: winmail.dat of
// Outlook, and the invitation of a calendar. MS-OXTNEF 1.3, RFC 6047 2.4
func isByproduct(kind string, params map[string]string, name string) bool {
	return kind == "application/ms-tnef" || kind == "application/vnd.ms-tnef" || kind == "text/calendar" && params["method"] != "" ||
		slices.Contains([]string{"winmail.dat", "win.dat", "invite.ics", "meeting.ics"}, strings.ToLower(name))
}

// attached refuses what is no text.
func attached(kind, name string) *smtp.SMTPError {
	media, _, _ := strings.Cut(kind, "/")
	switch media {
	case "image", "audio", "video":
		return refusal(554, smtp.EnhancedCode{5, 6, 1}, "The mail holds a picture, sound or film, and only text can be sent: take it out. Nothing was sent")
	}
	if name = cut(oneLine(name)); name != "" {
		name = " " + name
	}
	return refusal(554, smtp.EnhancedCode{5, 6, 1}, "The attachment%s cannot be sent, only text: take it out. Nothing was sent", name)
}

// pictures refuses a picture that does not merely adorn the text.
func (c *contents) pictures() *smtp.SMTPError {
	all := strings.Join(c.html, "\n")
	for _, id := range c.logos {
		if !strings.Contains(all, "cid:"+id) {
			return attached("image", "")
		}
	}
	return nil
}

// each returns the pieces of all that a multipart entity holds.
func (c *contents) each(e *message.Entity, depth int) (all []piece, no *smtp.SMTPError) {
	no = c.children(e, func(child *message.Entity, err error) *smtp.SMTPError {
		pieces, no := c.read(child, err, depth+1)
		all = append(all, pieces...)
		return no
	})
	return all, no
}

// alternative returns the pieces of one of the forms that a mail has: the plain one, if it says
// something, else the last that does. RFC 2046 5.1.4
func (c *contents) alternative(e *message.Entity, depth int) (best []piece, no *smtp.SMTPError) {
	chosen := false
	no = c.children(e, func(child *message.Entity, err error) *smtp.SMTPError {
		if kind, _, _ := child.Header.ContentType(); kind != "text/plain" && kind != "text/html" && !strings.HasPrefix(kind, "multipart/") {
			return nil // the same for other programs: an invitation, AMP
		}
		pieces, no := c.read(child, err, depth+1)
		if no != nil {
			return no
		}
		says, html := false, false
		for _, p := range pieces {
			says, html = says || visible(p.text), html || p.html
		}
		if says && !chosen {
			best, chosen = pieces, !html
		}
		return nil
	})
	return best, no
}

// children calls do with each entity in a multipart one.
func (c *contents) children(e *message.Entity, do func(*message.Entity, error) *smtp.SMTPError) *smtp.SMTPError {
	_, params, _ := e.Header.ContentType()
	parts := textproto.NewMultipartReader(e.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadable("its parts cannot be told apart")
		}
		if no := do(opened(message.Header{Header: part.Header}, part)); no != nil {
			return no
		}
	}
}

// piece decodes a part. err is what message.Read said of it.
func (c *contents) piece(e *message.Entity, err error, html bool, params map[string]string) (piece, *smtp.SMTPError) {
	if message.IsUnknownEncoding(err) {
		return piece{}, unreadable("its encoding is not known here")
	}
	octets, failed := io.ReadAll(e.Body)
	if failed != nil {
		return piece{}, unreadable("it is damaged")
	}
	text, flaw := unicodeOf(octets, params["charset"])
	p := piece{html: html, text: strings.TrimPrefix(text, "\uFEFF"), flaw: flaw}
	p.text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(p.text)
	if html {
		c.html = append(c.html, p.text)
	} else if strings.EqualFold(params["format"], "flowed") {
		p.text, p.flow = unflow(p.text, strings.EqualFold(params["delsp"], "yes")), true
	}
	return p, nil
}
