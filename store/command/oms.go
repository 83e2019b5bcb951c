package command

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"omsbox/store"
)

// Log shows the last lines of the traffic log.
func Log(ctx context.Context, flags *flag.FlagSet, args []string) error {
	most := flags.Int("n", 50, "how `many` lines")
	return beside(ctx, flags, args, 0, 0, func(s *store.Store) error {
		if *most < 1 || *most > 1_000_000 {
			return fmt.Errorf("%w number of lines %d: write one between 1 and 1000000", store.ErrInvalid, *most)
		}
		return s.ShowLog(ctx, os.Stdout, *most)
	})
}

// Cancel cancels a message, as far as nothing of it has left.
func Cancel(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		id, err := strconv.ParseInt(flags.Arg(0), 10, 64)
		if err != nil || id < 1 {
			return fmt.Errorf("%w message %q: `omsbox log` shows the numbers of messages", store.ErrInvalid, flags.Arg(0))
		}
		cancelled, kept, err := s.CancelMessage(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case cancelled == 0:
			return fmt.Errorf("message %d cannot be cancelled: %s", id, strings.Join(kept, "; "))
		case len(kept) > 0:
			return done(nil, "cancelled for %d of %d recipients; not for %s", cancelled, cancelled+len(kept), strings.Join(kept, "; "))
		}
		return done(nil, "message %d is cancelled: nothing of it has left", id)
	})
}

// UserExpire sets the day from which on a user may not sign in.
func UserExpire(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 2, 2, func(s *store.Store) error {
		login, text := flags.Arg(0), flags.Arg(1)
		if text == "never" {
			return done(s.Expire(ctx, login, time.Time{}), "the account of %s has no end", login)
		}
		at, err := time.ParseInLocation(time.DateOnly, text, time.Local)
		if err != nil {
			return fmt.Errorf("%w date %q: write it as 2031-12-31, or never", store.ErrInvalid, text)
		}
		return done(s.Expire(ctx, login, at), "%s may not sign in from %s on; replies still arrive", login, text)
	})
}

// MMSForget takes back that a modem has sent a multimedia message.
func MMSForget(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 0, 0, func(s *store.Store) error {
		return done(s.ForgetMMS(ctx), "multimedia messages are not offered until a modem has sent one again")
	})
}
