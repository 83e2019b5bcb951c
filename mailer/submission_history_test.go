package mailer

import (
	"strings"
	"testing"
)

// answer are the traits of a mail of ann@example.org that answers one of the box's.
func answer() *traits {
	return &traits{answers: true, titled: true, answersBox: true, subject: "train", from: "ann@example.org", isBox: isBox}
}

// What says who wrote the quoted lines below may have several lines, each as long as a program makes it.
func TestHowLongAnAttributionIs(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("x", 49) + "y" // 50 characters
	short := strings.Repeat("x", 48) + "y"
	const quoted = "\n> Which one?"
	for _, c := range []struct{ name, text, want string }{
		{"one line", "Yes\nOn 5 Jan 2026 at 10:00, Bob wrote:" + quoted, "Yes"},
		{"two lines", "Yes\nOn 5 Jan 2026 at 10:00 " + full + "\nBob wrote:" + quoted, "Yes"},
		{"two lines, of which one was not full", "Yes\n10:00 " + short[6:] + "\nBob wrote:" + quoted, "Yes\n10:00 " + short[6:]},
		{"four lines", "Yes\nOn 5 Jan 2026 at 10:00 " + full + "\n" + full + "\n" + full + "\nBob wrote:" + quoted, "Yes"},
		{"five lines", "Yes\nOn 5 Jan 2026 at 10:00 " + full + "\n" + full + "\n" + full + "\n" + full + "\nBob wrote:" + quoted,
			"Yes\nOn 5 Jan 2026 at 10:00 " + full + " " + full + " " + full + " " + full},
		{"an address on a line of its own", "Yes\nOn 5 Jan 2026 at 10:00, Bob <\nbob@example.org> wrote:" + quoted, "Yes"},
		{"no time", "Yes\nBob wrote:" + quoted, "Yes"},
		{"no time and a line as long as can be", "Yes\n" + strings.Repeat("x", 193) + " wrote:\n> Which?", "Yes\n" + strings.Repeat("x", 193) + " wrote:"},
		{"no time and a long line", "Yes\n" + strings.Repeat("x", 192) + " wrote:\n> Which?", "Yes"},
		{"a time and no verb", "Yes\n10:00 Bob:" + quoted, "Yes\n10:00 Bob:"},
		{"a time, an address and no verb", "Yes\n10:00 bob@example.org:" + quoted, "Yes"},
		{"a wide colon", "Yes\nOn 5 Jan 2026 at 10:00, Bob wrote：" + quoted, "Yes"},
		{"no colon", "Yes\nOn 5 Jan 2026 at 10:00, Bob wrote" + quoted, "Yes\nOn 5 Jan 2026 at 10:00, Bob wrote"},
		{"a date above the time", "Yes\nOn 5 January, Bob of " + full + "\n" + full + " at 10:00\nhe <b@x.org> wrote:" + quoted, "Yes"},
		{"nothing quoted", "Yes\nOn 5 Jan 2026 at 10:00, Bob wrote:\nWhich one?", "Yes\nOn 5 Jan 2026 at 10:00, Bob wrote:\nWhich one?"},
		{"nothing quoted, with an address", "Yes\nOn 5 Jan 2026 at 10:00, <b@example.org> wrote:\nWhich one?", "Yes"},
		{"nothing quoted, with the box's address", "Yes\n10:00 <b@box.example.org>:\nWhich one?", "Yes"},
		{"nothing at all below", "Yes\nOn 5 Jan 2026 at 10:00, <b@example.org> wrote:", "Yes"},
		{"nothing at all below, and no verb", "Yes\n10:00 <b@box.example.org>:", "Yes\n10:00 <b@box.example.org>:"},
		{"words below the quotation", "Yes" + quoted + "\nThe red one", "Yes\nThe red one"},
		{"initials", "Yes\nOn 5 Jan 2026 at 10:00 you wrote:\nBob> Which one?\nBob> The red?\nNo", "Yes\nNo"},
		{"a link of two lines", "Yes\n> see <https://example.org/\nx>\nNo", "Yes\nNo"},
		{"a link of one line", "Yes\n> see <https://example.org/>\nx>\nNo", "Yes\nx>\nNo"},
		{"a space before the mark", "Yes\n> one\n > two\nNo", "Yes\nNo"},
		{"a space before the mark alone", "Yes\n > two\nNo", "Yes\n > two\nNo"},
	} {
		if got := unwrapped(ownText(c.text, answer())); got != unwrapped(c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// unwrapped is a text in which line ends do not count.
func unwrapped(text string) string { return strings.ReplaceAll(text, "\n", " ") }

// A header that a program shows above the mail that is answered needs marks that a person's list does not have.
func TestWhatIsAShownHeader(t *testing.T) {
	t.Parallel()
	const long = "To: a@x.org,\nb@x.org,\nc@x.org,\nd@x.org,\ne@x.org,\nf@x.org,\ng@x.org,\nh@x.org"
	for _, c := range []struct {
		name, lines string
		ruled       bool
		want        int
	}{
		{"from, date, subject, with an address", "From: Bob <b@x.org>\nDate: Monday\nSubject: Bus", false, 3},
		{"from, to, subject, with an address", "From: Bob <b@x.org>\nTo: Ann\nSubject: Bus", false, 3},
		{"no subject", "From: Bob <b@x.org>\nDate: Monday\nTo: Ann", false, 0},
		{"no sender", "Sent: Monday <b@x.org>\nTo: Ann\nSubject: Bus", false, 0},
		{"neither date nor reader", "From: Bob <b@x.org>\nSubject: Bus", false, 0},
		{"no mark", "From: Bob\nDate: Monday\nSubject: Bus", false, 0},
		{"the subject of this mail", "From: Bob\nDate: Monday\nSubject: Re: Train", false, 3},
		{"the writer's address", "From: Bob\nTo: ann@example.org\nSubject: Bus", false, 3},
		{"the box's address", "From: x@box.example.org\nTo: Ann\nSubject: Bus", false, 3},
		{"all four below a rule", "From: Bob\nDate: Monday\nTo: Ann\nSubject: Bus", true, 4},
		{"three below a rule", "From: Bob\nDate: Monday\nSubject: Bus", true, 0},
		{"all four without a rule", "From: Bob\nDate: Monday\nTo: Ann\nSubject: Bus", false, 0},
		{"unknown words, the writer's address in brackets", "Xa: Bob\nXb: <ann@example.org>\nXc: Bus", false, 3},
		{"unknown words, the writer's address and the subject", "Xa: Bob\nXb: ann@example.org\nXc: Train", false, 3},
		{"unknown words, the writer's address below a rule", "Xa: Bob\nXb: ann@example.org\nXc: Bus", true, 3},
		{"unknown words, the writer's address alone", "Xa: Bob\nXb: ann@example.org\nXc: Bus", false, 0},
		{"unknown words, the subject and an address", "Xa: <b@x.org>\nXb: y\nXc: Train", false, 3},
		{"unknown words, the subject below a rule", "Xa: Bob\nXb: y\nXc: Train", true, 3},
		{"unknown words, the subject alone", "Xa: Bob\nXb: y\nXc: Train", false, 0},
		{"two unknown words", "Xb: <ann@example.org>\nXc: Train", true, 0},
		{"a list that goes on", "From: Bob <b@x.org>\nTo: Ann,\n Carl\nSubject: Bus\nHello", false, 4},
		{"a list of twelve lines", "From: Bob <b@x.org>\nSubject: Bus\n" + long + "\nDate: Monday\nCc: x", false, 12},
		{"a list of more", "From: Bob <b@x.org>\n" + long + "\n i@x.org,\n j@x.org,\nDate: Monday\nSubject: Bus", false, 0},
		{"an empty line ends it", "From: Bob <b@x.org>\nDate: Monday\n\nSubject: Bus", false, 0},
		{"a person's list above", "Xa: one\nXb: two\nFrom: Bob <b@x.org>\nDate: Monday\nSubject: Train", false, 0},
		{"words", "Hello\nFrom: Bob <b@x.org>\nDate: Monday\nSubject: Bus", false, 0},
	} {
		if got := shownHeader(strings.Split(c.lines, "\n"), answer(), c.ruled); got != c.want {
			t.Errorf("%s: got %d lines, want %d", c.name, got, c.want)
		}
	}
}

func TestWhatStandsBelowATitleBetweenDashes(t *testing.T) {
	t.Parallel()
	const title, table = "\n---- 原件 ----\n", "x\nx\nx\n"
	for _, c := range []struct{ name, text, want string }{
		{"an original message", "Yes\n-----Original Message-----\nanything", "Yes"},
		{"an original message, with an empty line and a header", "Yes\n-----Original Message-----\n\nFrom: Bob\nTo: Ann\nSent: Monday\nSubject: x\n\nold", "Yes"},
		{"an unknown title", "Yes\n---- Menu ----\nSoup", "Yes\n---- Menu ----\nSoup"},
		{"a table with the writer's address", "Yes" + title + "x | <ann@example.org> | x\nold", "Yes"},
		{"in its fourth line", "Yes" + title + table + "x | <ann@example.org> | x\nold", "Yes"},
		{"in its fifth line", "Yes" + title + table + "x\nx | <ann@example.org> | x\nold", "Yes" + title + table + "x\nx | <ann@example.org> | x\nold"},
		{"below an empty line", "Yes" + title + "x\n\nx | <ann@example.org> | x", "Yes" + title + "x\n\nx | <ann@example.org> | x"},
		{"with another's address", "Yes" + title + "x | <bob@example.net> | x", "Yes" + title + "x | <bob@example.net> | x"},
		{"of Zoho", "Yes\n---- On 5 Jan 2026 10:00 Bob <b@x.org> wrote ----\nold", "Yes"},
		{"of Zoho with the box's address", "Yes\n---- 10:00 <b@box.example.org> ----\nold", "Yes"},
		{"a title with a time", "Yes\n---- Party at 10:00 b@x.org ----\nnew", "Yes\n---- Party at 10:00 b@x.org ----\nnew"},
		{"nothing below", "Yes\n---- Menu ----\n", "Yes\n---- Menu ----"},
		{"a rule above a header", "Yes\n__________\nFrom: Bob\nDate: Monday\nTo: Ann\nSubject: Bus\n\nold", "Yes"},
		{"a rule, an empty line, a header", "Yes\n__________\n\nFrom: Bob\nDate: Monday\nTo: Ann\nSubject: Bus\n\nold", "Yes"},
		{"a header above quoted lines", "Yes\nFrom: Bob <b@x.org>\nDate: Monday\nSubject: Bus\n\n> old\nNo", "Yes\n\nNo"},
		{"a header at the beginning", "From: Bob <b@x.org>\nDate: Monday\nSubject: Bus\n\n> old\nNo", "No"},
	} {
		if got := ownText(c.text, answer()); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPrefixesOfSubjects(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{
		"Re: Train": "train", "AW: WG: Train": "train", "Re[2]: Train": "train", "SV(3): Train": "train", "回复：Train": "train", "Re : Train": "train",
		"Rent: high": "rent: high", "Train": "train", "Re Train": "re train", "": "", "Re:": "", "RE:  the  Train ": "the train",
	} {
		if got := bareSubject(subject); got != want {
			t.Errorf("%q: got %q, want %q", subject, got, want)
		}
	}
}
