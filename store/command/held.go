package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"omsbox/store"
)

// mostHeld is how many messages are listed.
const mostHeld = 1000

// minute is how times are shown.
const minute = "2006-01-02 15:04"

// Held shows what a restore from a backup holds.
func Held(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 0, 0, func(s *store.Store) error { return showHeld(ctx, os.Stdout, s) })
}

// showHeld writes what is held for people, without a word of texts and mails.
func showHeld(ctx context.Context, out io.Writer, s *store.Store) error {
	r, err := s.Restored(ctx)
	if err != nil {
		return err
	}
	if !r.Holds() {
		fmt.Fprintln(out, "nothing is held")
		return nil
	}
	fmt.Fprintf(out, "Held since the restore of the backup of %s: %d texts and %d mails.\nThe old box may have sent them after that.\n",
		r.Made.Local().Format(minute), r.Texts, r.Mails)
	if err := showHeldTexts(ctx, out, s); err != nil {
		return err
	}
	if err := showHeldMails(ctx, out, s, r.At); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n`%s` sends: all, texts, mails, or messages by their numbers. `%s` cancels the same.\n",
		typed(s, "held send", "WHAT"), typed(s, "held drop", "WHAT"))
	if r.Late > 0 {
		fmt.Fprintf(out, "%d texts are no longer worth sending (sms.validity). Released, they expire, and a mail tells who wrote them.\n",
			r.Late)
	}
	return nil
}

// showHeldTexts writes which messages are held.
func showHeldTexts(ctx context.Context, out io.Writer, s *store.Store) error {
	texts, err := s.HeldTexts(ctx, mostHeld)
	if err != nil || len(texts) == 0 {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nMESSAGE\tUSER\tWRITTEN\tFOR\tRECIPIENTS\tTOO LATE")
	for _, t := range texts {
		when := "at once"
		if !t.Scheduled.IsZero() {
			when = t.Scheduled.Local().Format(minute)
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%d\n",
			t.Message, t.Login, t.Created.Local().Format(minute), when, t.Recipients, t.Late)
	}
	if len(texts) == mostHeld {
		fmt.Fprintf(table, "These are the first %d messages.\n", mostHeld)
	}
	return table.Flush()
}

// showHeldMails writes which mails are held: those that waited at the restore, and those that were queued after it.
func showHeldMails(ctx context.Context, out io.Writer, s *store.Store, restored time.Time) error {
	mails, err := s.HeldMails(ctx, mostHeld)
	if err != nil || len(mails) == 0 {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nMAIL\tTO\tABOUT\tOF\tHELD SINCE")
	for _, u := range mails {
		since := restored
		if u.Updated.After(since) {
			since = u.Updated
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", u.ID, printable(cmp.Or(u.For, "mail.catch-all")), printable(mailAbout(u)),
			u.Created.Local().Format(minute), since.Local().Format(minute))
	}
	if len(mails) == mostHeld {
		fmt.Fprintf(table, "These are the first %d mails.\n", mostHeld)
	}
	return table.Flush()
}

// HeldSend releases what a restore holds.
func HeldSend(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return held(ctx, flags, args, (*store.Store).SendHeld, (*store.Store).SendHeldMails, "released")
}

// HeldDrop cancels what a restore holds.
func HeldDrop(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return held(ctx, flags, args, (*store.Store).DropHeld, (*store.Store).DropHeldMails, "cancelled")
}

// held does something with what the arguments name of all that is held.
func held(ctx context.Context, flags *flag.FlagSet, args []string,
	texts func(*store.Store, context.Context, ...int64) (int, error), mails func(*store.Store, context.Context) (int, error),
	done string) error {
	return beside(ctx, flags, args, 1, 1000, func(s *store.Store) error {
		var messages []int64
		what := flags.Arg(0)
		word := what == "all" || what == "texts" || what == "mails"
		for _, arg := range flags.Args() {
			id, err := strconv.ParseInt(arg, 10, 64)
			switch {
			case word && flags.NArg() > 1:
				return Misused(errors.New("write all, texts or mails alone, or the numbers of messages"))
			case word:
			case err != nil || id < 1:
				return fmt.Errorf("%w message %q: write all, texts, mails, or numbers that `%s` shows",
					store.ErrInvalid, arg, typed(s, "held", ""))
			default:
				messages = append(messages, id)
			}
		}
		if what != "mails" {
			n, err := texts(s, ctx, messages...)
			if err != nil {
				return err
			}
			fmt.Printf("%d texts are %s\n", n, done)
		}
		if what == "all" || what == "mails" {
			n, err := mails(s, ctx)
			if err != nil {
				return err
			}
			fmt.Printf("%d mails are %s\n", n, done)
		}
		return nil
	})
}
