package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"

	"omsbox/store"
)

// mostHeld is how many messages are listed.
const mostHeld = 1000

// minute is how times are shown.
const minute = "2006-01-02 15:04"

// Held shows what a restore from a backup holds.
func Held(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 0, 0, func(s *store.Store) error {
		r, err := s.Restored(ctx)
		if err != nil {
			return err
		}
		if !r.Holds() {
			fmt.Println("nothing is held")
			return nil
		}
		texts, err := s.HeldTexts(ctx, mostHeld)
		if err != nil {
			return err
		}
		fmt.Printf("Held since the restore of the backup of %s: %d texts and %d mails.\nThe old box may have sent them after that.\n",
			r.Made.Local().Format(minute), r.Texts, r.Mails)
		if len(texts) > 0 {
			table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "MESSAGE\tUSER\tWRITTEN\tFOR\tRECIPIENTS\tTOO LATE")
			for _, t := range texts {
				when := "at once"
				if !t.Scheduled.IsZero() {
					when = t.Scheduled.Local().Format(minute)
				}
				fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%d\n",
					t.Message, t.Login, t.Created.Local().Format(minute), when, t.Recipients, t.Late)
			}
			if err := table.Flush(); err != nil {
				return err
			}
			if len(texts) == mostHeld {
				fmt.Printf("These are the first %d messages.\n", mostHeld)
			}
		}
		fmt.Printf("`%s` sends: all, texts, mails, or messages by their numbers. `%s` cancels the same.\n",
			typed(s, "held send", "WHAT"), typed(s, "held drop", "WHAT"))
		if r.Late > 0 {
			fmt.Printf("%d texts are no longer worth sending (sms.validity). Released, they expire, and a mail tells who wrote them.\n",
				r.Late)
		}
		return nil
	})
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
