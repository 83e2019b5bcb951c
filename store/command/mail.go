package command

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"omsbox/store"
)

// mostMails is how many mails are listed.
const mostMails = 1000

// MailList lists the mails that the relay has not taken.
func MailList(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 0, 0, func(s *store.Store) error {
		mails, err := s.Undelivered(ctx, mostMails)
		if err != nil {
			return err
		}
		way, err := wayOut(ctx, s)
		if err != nil {
			return err
		}
		return showMails(os.Stdout, s, mails, way)
	})
}

// barrier is what keeps all mail from being tried.
type barrier struct {
	why  string    // in words for people; "" where there is none
	next time.Time // when the relay is tried again; zero where that is not known
}

// wayOut returns what keeps all mail from being tried.
func wayOut(ctx context.Context, s *store.Store) (b barrier, err error) {
	if !s.Serving() {
		return barrier{why: "omsbox does not serve now"}, nil
	}
	parts, err := s.Healths(ctx)
	if err != nil {
		return b, err
	}
	for _, h := range parts {
		if h.Part == store.MailRelay && !h.OK {
			b.why = h.Text
		}
	}
	if b.why == "" || s.Setting("mail.relay") == "" {
		return b, nil
	}
	next, err := s.RelayTried(ctx)
	if now := s.Now(); next.After(now) && next.Sub(now) < time.Hour { // else it is being tried, or a clock was set
		b.next = next
	}
	return b, err
}

// MailRetry has one mail that has failed or waits, or all of them, tried again at once.
func MailRetry(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		if flags.Arg(0) == "all" {
			many, err := s.RequeueAllMail(ctx)
			return done(err, "%d to be tried again", many)
		}
		id, err := strconv.ParseInt(flags.Arg(0), 10, 64)
		if err != nil {
			return Misused(fmt.Errorf("%q is no number of a mail: `%s` shows them, and all means every one", flags.Arg(0), typed(s, "mail list", "")))
		}
		return done(s.RequeueMail(ctx, id), "mail %d is tried again", id)
	})
}

// showMails writes mails as a table for people, without a word of the texts. What keeps all of them is the reason of
// those that nothing else keeps.
func showMails(out io.Writer, s *store.Store, mails []store.Undelivered, all barrier) error {
	if len(mails) == 0 {
		_, err := fmt.Fprintln(out, "no mail has failed, and none waits")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MAIL\tSTATE\tFOR\tABOUT\tOF\tNEXT TRY\tREASON")
	for _, u := range mails {
		state, whom, next, reason := "waits", u.For, u.Due.Local().Format(minute), u.Reason
		switch {
		case u.State == "failed":
			state, next = "failed", ""
		case u.State == "sending":
			state, next = "at the relay", ""
		case u.Held: // by a restore
			state, next = "held", ""
		case !u.Blocked.IsZero():
			state = "blocked"
		}
		if all.why != "" && next != "" {
			reason = cmp.Or(reason, all.why)
			switch {
			case all.next.After(u.Due):
				next = all.next.Local().Format(minute)
			case all.next.IsZero() && !u.Due.After(s.Now()):
				next = ""
			}
		}
		if whom == "" {
			whom = "mail.catch-all"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", u.ID, state, printable(whom), printable(mailAbout(u)), u.Created.Local().Format(minute),
			next, printable(reason))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(mails) == mostMails {
		fmt.Fprintf(out, "These are the newest %d. There are more.\n", mostMails)
	}
	if all.why != "" {
		fmt.Fprintf(out, "\nNo mail leaves: %s.\n", printable(strings.TrimSuffix(all.why, ".")))
		if !all.next.IsZero() {
			fmt.Fprintf(out, "The relay is tried again at %s.\n", all.next.Local().Format("15:04:05"))
		}
	}
	_, err := fmt.Fprintf(out, "\n`%s` has all of them tried again, and a number in place of all that mail.\n", typed(s, "mail retry", "all"))
	return err
}

// mailAbout says what a mail is about.
func mailAbout(u store.Undelivered) string {
	switch u.Kind {
	case store.Reply:
		return "a text from " + u.Number
	case store.Notice:
		return "a text to " + u.Number
	}
	return "the alarm " + u.About
}

// printable makes what others wrote fit for a line of a table.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}
