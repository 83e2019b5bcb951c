package mailer

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
)

// isBox says which domains are the box's in testdata.
func isBox(domain string) bool { return domain == "box.example.org" || domain == "sms.example.org" }

// The mails are of many programs, what people reported of programs that do this job, and siblings of both. Beside each is the
// text that it becomes, or REFUSED.
func TestTheWritersOwnWordsAreTheText(t *testing.T) {
	t.Parallel()
	for directory, least := range map[string]int{"written": 37, "reported": 79, "siblings": 100} {
		mails, err := filepath.Glob("testdata/" + directory + "/*.eml")
		if err != nil || len(mails) < least {
			t.Fatalf("%d mails in %s, %v", len(mails), directory, err)
		}
		for _, path := range mails {
			t.Run(strings.TrimPrefix(strings.TrimSuffix(path, ".eml"), "testdata/"), func(t *testing.T) {
				source, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				want, err := os.ReadFile(strings.TrimSuffix(path, ".eml") + ".txt")
				if err != nil {
					t.Fatal(err)
				}
				m, no := compose(source, isBox)
				got := m.text
				if no != nil {
					if spoken(t, no); no.Code < 550 || len(no.Message) < 20 {
						t.Errorf("refused without a reason: %v", no)
					}
					got = "REFUSED"
				}
				if got != strings.TrimSuffix(string(want), "\n") {
					t.Errorf("got\n%s\nwant\n%s (%v)", got, want, no)
				}
			})
		}
	}
}

// multi is a multipart body.
func multi(kind string, parts ...string) string {
	return "Content-Type: multipart/" + kind + "; boundary=x\n\n--x\n" + strings.Join(parts, "\n--x\n") + "\n--x--\n"
}

const (
	hello    = "Content-Type: text/plain\n\nHello\n"
	helloWeb = "Content-Type: text/html\n\n<p>Hello <img src=\"cid:logo@x\"></p>\n"
)

// in is a text in a charset, in Base64.
func in(charset, text string) string {
	return "Content-Type: text/plain; charset=" + charset + "\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(text)) + "\n"
}

// picture is one of so many octets.
func picture(octets int, head string) string {
	return "Content-Type: image/png\n" + head + "Content-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(make([]byte, octets)) + "\n"
}

// nested is a body of so many multiparts, one in the other.
func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n", i, i)
	}
	return b.String()
}

// becomes are mails with the text that each becomes, or the answer to it: the code, and words of the answer.
var becomes = []struct{ name, mail, want string }{
	{"plain text", "Subject: x\n\nHello\n", "Hello"},
	{"several parts of text", multi("mixed", hello, hello), "Hello\n\nHello"},
	{"a logo of the signature", multi("related", helloWeb, picture(900, "Content-ID: <logo@x>\n")), "Hello"},
	{"a logo beside both forms", multi("related", strings.NewReplacer("--x", "--y", "=x", "=y").Replace(multi("alternative", hello, helloWeb)), picture(900, "Content-ID: <logo@x>\n")), "Hello"},
	{"a picture", multi("mixed", hello, picture(900, "Content-Disposition: attachment; filename=holiday.png\n")), "554 picture"},
	{"a picture in the text", multi("related", helloWeb, picture(90_000, "Content-ID: <logo@x>\n")), "554 picture"},
	{"a small picture that the text does not show", multi("related", helloWeb, picture(900, "Content-ID: <other@x>\n")), "554 picture"},
	{"nothing but a picture", picture(10, ""), "554 picture"},
	{"a film", multi("mixed", hello, "Content-Type: video/mp4\n\nx"), "554 film"},
	{"a document", multi("mixed", hello, "Content-Type: application/pdf; name=\"the plän\n .pdf\"\n\nx"), "554 attachment the pl?n .pdf cannot"},
	{"a document whose name is not quoted", multi("mixed", hello, "Content-Type: application/pdf; name=the plan.pdf\n\nx"), "554 attachment cannot"},
	{"a text file whose name is not quoted", multi("mixed", hello, "Content-Type: text/plain\nContent-Disposition: attachment; filename=the plan.txt\n\nx"), "554 attachment"},
	{"text as a file", multi("mixed", hello, "Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nx"), "554 attachment a.txt"},
	{"a mail in the mail", multi("mixed", hello, "Content-Type: message/rfc822\n\nSubject: x\n\nx"), "554 attachment"},
	{"winmail.dat", multi("mixed", hello, "Content-Type: application/ms-tnef; name=winmail.dat\n\nx"), "Hello"},
	{"winmail.dat without a text", "Subject: Meeting\n" + multi("mixed", "Content-Type: text/plain\n\n\n", "Content-Type: application/ms-tnef; name=winmail.dat\n\nx"), "554 attachment winmail.dat"},
	{"an invitation without a text", "Subject: Meeting\n" + multi("mixed", "Content-Type: text/calendar; method=REQUEST\n\nx"), "554 attachment"},
	{"a subject that passes on nothing", "Subject: Fwd: Train\n\n", "554 no text"},
	{"a subject that may begin with a prefix", "Subject: R: 5 gates\n\n", "R: 5 gates"},
	{"a file in a text", "\nLook\nbegin 644 a.bin\nM" + strings.Repeat("A", 60) + "\n`\nend\n", "554 uuencode"},
	{"words like a file", "\nbegin 644 metres away\nthen turn\nend\n", "begin 644 metres away\nthen turn\nend"},
	{"words about an armour", "\nIt began with -----BEGIN PGP MESSAGE-----\n", "It began with -----BEGIN PGP MESSAGE-----"},
	{"encrypted", multi("encrypted", "Content-Type: application/pgp-encrypted\n\nVersion: 1"), "554 encrypted"},
	{"S/MIME", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx", "554 encrypted"},
	{"an invitation beside its words", multi("alternative", hello, "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR"), "Hello"},
	{"no text", "Subject: Re: x\nIn-Reply-To: <1@x>\n\n\n", "554 no text"},
	{"a signature alone", "Subject: \n\n-- \nAnn\n", "554 no text"},
	{"history alone", "In-Reply-To: <1@x>\n\n> x\n", "554 no text"},
	{"no header", "", "554 no text"},
	{"a header that is none", "Hello\n\nyou", "554 its header"},
	{"an endless header", strings.Repeat("X: "+strings.Repeat("y", 97)+"\n", 1000) + "\nx", "554 its header"},
	{"endless parts", multi("mixed", strings.Split(strings.Repeat("\nx|", 99), "|")...), "554 too many parts"},
	{"endless depth", nested(20), "554 too many parts"},
	{"no boundary", "Content-Type: multipart/mixed\n\nx", "554 told apart"},
	{"another boundary", "Content-Type: multipart/mixed; boundary=a\n\n--b\n\nx", "554 told apart"},
	{"broken base64", "Content-Transfer-Encoding: base64\n\n####\n", "554 damaged"},
	{"an encoding that nobody knows", "Content-Transfer-Encoding: uuencode\n\nbegin 644\n", "554 encoding"},
	{"a charset that nobody knows", "Content-Type: text/plain; charset=klingon\n\n\xff\xfe\n", "554 charset"},
	{"such a charset with plain letters", "Content-Type: text/plain; charset=klingon\n\nHello\n", "Hello"},
	{"octets that are no UTF-8", in("utf-8", "a\xffb"), "554 The mail cannot be read: it has characters that are not of the charset that it names, utf-8: type the text again, or set the mail program to UTF-8. Nothing was sent"},
	{"the replacement character itself", in("utf-8", "a\uFFFDb"), "a\uFFFDb"},
	{"UTF-8 that claims to be plain", in("us-ascii", "Grüße"), "Grüße"},
	{"Windows-1252 that claims to be plain", in("us-ascii", "Gr\xfc\xdfe \x93x\x94"), "Grüße “x”"},
	{"Windows-1252 that claims to be ISO-8859-1", in("ISO-8859-1", "Gr\xfc\xdfe \x93x\x94"), "Grüße “x”"},
	{"Windows-1252 that claims nothing", "\nGr\xfc\xdfe\n", "Grüße"},
	{"octets that nothing is", in("windows-1252", "a\x81b"), "554 windows-1252"},
	{"UTF-8 that claims to be Japanese", in("euc-jp", "Grüße 中"), "Grüße 中"},
	{"UTF-8 that claims to be of seven bits", in("iso-2022-jp", "こんにちは"), "こんにちは"},
	{"Japanese", in("shift_jis", "\x82\xb1\x82\xf1"), "こん"},
	{"half a Japanese character", in("shift_jis", "\x82\xb1\x82"), "554 shift_jis"},
	{"half a Japanese character of seven bits", in("iso-2022-jp", "\x1b$B$3$\x1b(B"), "554 iso-2022-jp"},
	{"UTF-8 in a charset that nobody knows", in("klingon", "Grüße"), "Grüße"},
	{"UTF-7", in("utf-7", "Gr+APwA3w-e"), "554 charset is not known"},
	{"UTF-7 of plain letters", in("utf-7", "Hello"), "Hello"},
	{"Japanese of seven bits in a set that nobody knows", in("iso-2022-jp-2", "\x1b$B$3$s\x1b(B"), "554 charset is not known"},
	{"Chinese of seven bits in a set that nobody knows", in("hz", "~{<:Ky2;~}"), "554 charset is not known"},
	{"four octets for each character", in("utf-32le", "-N\x00\x00Ge\x00\x00"), "554 charset is not known"},
	{"two octets for each character", in("ucs-2le", "-NGe"), "554 charset is not known"},
	{"Windows-1252 that claims to be ISO_8859-1", in("ISO_8859-1", "5 \x80"), "5 €"},
	{"Windows-1254 that claims to be ISO-8859-9", in("iso-8859-9", "5 \x80 k\xfd\xfe"), "5 € kış"},
	{"in a part, what is no UTF-8", multi("mixed", hello, in("utf-8", "a\xffb")), "554 utf-8"},
	{"in HTML, what is no UTF-8", strings.Replace(in("utf-8", "<p>a\xffb"), "plain", "html", 1), "554 utf-8"},
	{"in what is quoted, what is no UTF-8", "In-Reply-To: <1@x>\n" + in("utf-8", "Yes\n\n> a\xffb\n"), "Yes"},
	{"a subject of other octets alone", "Subject: Gr\xfc\xdfe\n\n", "Grüße"},
	{"a subject of no characters alone", "Subject: =?windows-1252?q?a=81b?=\n\n", "554 its subject contains"},
	{"a subject alone in a charset that nobody knows", "Subject: =?utf-7?q?Gr+APw-e?=\n\n", "554 its subject contains"},
	{"what nobody sees", "\nH\x00e\u200bl\x1blo\u00a0\tyou\u202e\n", "Hello  you"},
	{"scripts", "Content-Type: text/html\n\n<title>t</title><script>x</script><p style=\"display: none\">y</p>Hello<!-- z -->", "Hello"},
	{"HTML that never ends", "Content-Type: text/html\n\n<p>Hello<b><script>", "Hello"},
}

func TestWhatBecomesNoText(t *testing.T) {
	t.Parallel()
	for _, c := range becomes {
		t.Run(c.name, func(t *testing.T) {
			m, no := compose([]byte(strings.ReplaceAll(c.mail, "\n", "\r\n")), isBox)
			code, words, refused := strings.Cut(c.want, " ")
			if _, isCode := map[string]bool{"550": true, "552": true, "554": true}[code]; !refused || !isCode {
				if no != nil || m.text != c.want {
					t.Errorf("got %q, %v, want %q", m.text, no, c.want)
				}
				return
			}
			if no == nil || fmt.Sprint(no.Code) != code || !strings.Contains(no.Message, words) {
				t.Errorf("got %q, %v, want %s", m.text, no, c.want)
			}
		})
	}
}

func TestNoMailIsMadeToTakeLong(t *testing.T) {
	t.Parallel()
	const flowed, answer = "Content-Type: text/plain; format=flowed\n\n", "In-Reply-To: <1@x>\n"
	for name, c := range map[string]struct{ head, again string }{
		"flowed lines":         {flowed, "a \n"},
		"wrapped lines":        {"\n", strings.Repeat("word ", 14) + "\n"},
		"attributions":         {answer + "\n", "On 5 Jan at 10:00 wrote\n:\n"},
		"an endless line":      {answer + "\n", "On 5 Jan wrote <a@b> gesendet "},
		"labels":               {answer + "\n", "From:\n"},
		"flourishes":           {"\n", "Sent from my iPhone\n\n"},
		"empty lines":          {answer + "\n", "\n:\n"},
		"nothing else":         {answer + "\n", "\n"},
		"titles":               {answer + "\n", "---- x ----\n\n"},
		"rules":                {answer + "\n", "__________\n\nX: y\n"},
		"greetings":            {answer + "X-Mailer: The Bat!\n\n", "Hello Bob,\nOn 5 Jan 2026 10:00 <a@b> wrote:\n> x\n"},
		"links that end":       {answer + "\n", "> <http\n>x>\n"},
		"forwards":             {"Subject: Fwd: x\n\n", "Begin forwarded message:\n"},
		"titles of forwards":   {"Subject: Fwd: x\n\n", "---- x ----\n\n"},
		"quoted forwards":      {"Subject: Fwd: x\n\n", "> ---- x ----\n> From: a\n"},
		"fonts":                {"Content-Type: text/html\n\n", "<span style=font-family:Wingdings><ol>J<li>"},
		"elements":             {answer + "Content-Type: text/html\n\n", "<div><a href=http://x>"},
		"ends of elements":     {"Content-Type: text/html\n\n", "x</a></pre>"},
		"attributes":           {"Content-Type: text/html\n\n<p ", "a=b "},
		"quoted-printable":     {"Content-Transfer-Encoding: quoted-printable\n\n", "=41=\n"},
		"boundaries":           {"Content-Type: multipart/mixed; boundary=x\n\n", "--x-\n"},
		"pictures":             {"Content-Type: multipart/mixed; boundary=x\n\n", "--x\nContent-Type: image/png\nContent-ID: <a>\n\n"},
		"a subject":            {"Subject: =?utf-8?q?" + strings.Repeat("=41", 20_000) + "?=\n\n", "\n"},
		"octets of no charset": {"\n", "\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			// The least of many tries is what it takes; other work on the machine only adds to it. Four times
			// the mail may take four times as long, and not sixteen times.
			mail := func(size int) []byte {
				return []byte(c.head + strings.Repeat(c.again, max(1, (size-len(c.head))/len(c.again))))
			}
			takes := func(source []byte) time.Duration {
				begin := time.Now()
				compose(source, isBox)
				return time.Since(begin)
			}
			smallMail, largeMail := mail(32<<10), mail(128<<10)
			small, large := time.Hour, time.Hour
			for range 30 {
				large = min(large, takes(largeMail))
				if large <= 20*time.Millisecond {
					return
				}
				if small = min(small, takes(smallMail)); large <= 10*small {
					return
				}
			}
			t.Errorf("it takes %v for 32 KB and %v for 128 KB", small, large)
		})
	}
}

func TestWhatProgramsWriteBecomesNoText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		head    string
		refused bool
	}{
		{"Auto-Submitted: auto-replied", true},
		{"Auto-Submitted: Auto-Generated; x=y", false}, // an alarm
		{"Auto-Submitted: auto-notified", true},
		{"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: DR, OOF", false},
		{"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All", true},
		{"Auto-Submitted: auto-generated\r\nIn-Reply-To: <1@x>", true},
		{"Auto-Submitted: auto-generated\r\nReferences: <1@x>", false}, // alarms of one trouble belong together
		{"Auto-Submitted: auto-generated\r\nSubject: Re: hello", true},
		{"Auto-Submitted: auto-generated\r\nList-Unsubscribe: <https://x>", true},
		{"Auto-Submitted: auto-generated\r\nPrecedence: bulk", true},
		{"X-Loop: ann@example.org", false},
		{"Auto-Submitted: no", false},
		{"Precedence: bulk", true},
		{"Precedence: list", true},
		{"Precedence: first-class", false},
		{"X-Auto-Response-Suppress: DR, OOF, AutoReply", true},
		{"X-Auto-Response-Suppress: All", true},
		{"X-Auto-Response-Suppress: DR, RN", false},
		{"X-Autoreply: yes", true},
		{"List-Id: <list.example.org>", true},
		{"Return-Path: <>", true},
		{"Return-Path: <ann@example.org>", false},
		{"Content-Type: multipart/report; report-type=delivery-status; boundary=x", true},
		{strings.TrimSuffix(strings.Repeat("Received: by x\r\n", 31), "\r\n"), true},
		{"Received: by x", false},
	} {
		t.Run(c.head, func(t *testing.T) {
			_, no := compose([]byte(c.head+"\r\n\r\nI am away\r\n"), isBox)
			if (no != nil) != c.refused || no != nil && no.Code != 550 {
				t.Errorf("got %v", no)
			}
		})
	}
}

func FuzzMail(f *testing.F) {
	mails, err := filepath.Glob("testdata/*/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range mails {
		source, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		m, no := compose(source, isBox)
		if no != nil {
			spoken(t, no)
			return
		}
		if !visible(m.text) || !utf8.ValidString(m.text) || strings.TrimSpace(m.text) != m.text {
			t.Errorf("no text: %q", m.text)
		}
		for _, text := range []string{strings.ReplaceAll(m.text, "\n", ""), m.program} {
			if strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("control characters in %q", text)
			}
		}
		if again, no := compose(source, isBox); no != nil || again != m {
			t.Errorf("%+v the first time, %+v then (%v)", m, again, no)
		}
	})
}

// spoken sees that an answer is one line as SMTP has them.
func spoken(t *testing.T, no *smtp.SMTPError) {
	t.Helper()
	if no.Code < 400 || no.Code > 599 || no.EnhancedCode[0] != no.Code/100 || no.Message == "" || len(no.Message) > 450 ||
		strings.ContainsFunc(no.Message, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("an answer that cannot be given: %+v", no)
	}
}
