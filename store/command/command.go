package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"omsbox/store"
)

// beside does something with the database that another omsbox may be serving from.
func beside(ctx context.Context, flags *flag.FlagSet, args []string, least, most int, do func(*store.Store) error) error {
	data := DataFlag(flags)
	if err := Parse(flags, args, least, most); err != nil {
		return err
	}
	if err := becomeOwner(*data); err != nil {
		return err
	}
	s, err := store.Open(ctx, filepath.Clean(*data), slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// Send queues a text, read from standard input, like any other message.
func Send(ctx context.Context, flags *flag.FlagSet, args []string) error {
	login := flags.String("user", "", "the `ID` of the user whom replies go to")
	return beside(ctx, flags, args, 1, 1000, func(s *store.Store) error {
		m := store.Message{Source: store.SourceCommand}
		if *login != "" {
			u, err := s.UserByLogin(ctx, *login)
			if err != nil {
				return err
			}
			if err := maySend(s, u); err != nil {
				return err
			}
			m.User = u.ID
		}
		for _, typed := range flags.Args() {
			to, err := s.Recipient(typed)
			if err != nil {
				return err
			}
			m.To = append(m.To, to)
		}
		if term.IsTerminal(int(os.Stdin.Fd())) {
			fmt.Fprintln(os.Stderr, "Type the text; Ctrl-D ends it, Ctrl-C sends nothing.")
		}
		text, err := input(ctx)
		if err != nil {
			return err
		}
		if strings.TrimSpace(text) == "" {
			return errors.New("the text is empty: nothing was sent")
		}
		text = strings.TrimRight(text, "\r\n")
		if err := s.TooLong(text, ""); err != nil {
			return fmt.Errorf("%w: nothing was sent", err)
		}
		m.Parts = []string{text}
		id, _, err := s.Enqueue(ctx, m)
		if over := (*store.Over)(nil); errors.As(err, &over) {
			return fmt.Errorf("%w: nothing was sent", err)
		}
		if err != nil {
			return err
		}
		fmt.Printf("queued as message %d\n", id)
		if !s.Serving() {
			fmt.Printf("omsbox does not run, so it waits: `%s` tells how to start it\n", typed(s, "doctor", ""))
		}
		return nil
	})
}

// maySend refuses to send for somebody who may not sign in, and says what to do.
func maySend(s *store.Store, u store.User) error {
	switch err := s.MaySend(u); {
	case errors.Is(err, store.ErrExpired):
		return fmt.Errorf("the account of %s expired on %s, so nothing was sent: `%s` ends that, and a later day in place of never puts it off",
			u.Login, u.Expires.Local().Format(time.DateOnly), typed(s, "user expire", u.Login+" never"))
	case err != nil:
		return fmt.Errorf("the account of %s is disabled, so nothing was sent: `%s` lets it be used again", u.Login, typed(s, "user enable", u.Login))
	}
	return nil
}

// UserAdd adds a user.
func UserAdd(ctx context.Context, flags *flag.FlagSet, args []string) error {
	var u store.User
	flags.StringVar(&u.Phone, "phone", "", "the user's own `number`, which signs in as the ID does")
	flags.StringVar(&u.Mail, "mail", "", "the mail `address` that replies go to, which signs in as the ID does")
	flags.BoolVar(&u.Admin, "admin", false, "the user may administer the appliance")
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		u.Login = flags.Arg(0)
		password, err := newPassword(ctx, u.Login)
		if err != nil {
			return err
		}
		if u, err = s.AddUser(ctx, u, password); err != nil {
			return err
		}
		fmt.Printf("added %s; replies will come from %s\n", u.Login, s.Address(u))
		if u.Admin {
			fmt.Printf("an administrator's own password is for the pages alone: `%s` makes one for Outlook or a mail "+
				"program\n", typed(s, "user app-password", u.Login))
		}
		shared, err := s.Shared(ctx, u)
		if err != nil {
			return err
		}
		for _, name := range shared {
			fmt.Printf("%s is another user's too, so nobody signs in with it: use the user names\n", name)
		}
		if u.Mail == "" {
			fmt.Println("no mail address was given (-mail): this user reads replies on the pages alone")
		}
		return nil
	})
}

// UserList lists the users.
func UserList(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 0, 0, func(s *store.Store) error { return s.ShowUsers(ctx, os.Stdout) })
}

// UserPasswd gives a user a new password.
func UserPasswd(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		u, err := s.UserByLogin(ctx, flags.Arg(0))
		if err != nil {
			return err
		}
		password, err := newPassword(ctx, u.Login)
		if err != nil {
			return err
		}
		return done(s.SetPassword(ctx, u.Login, password), "%s has a new password", u.Login)
	})
}

// UserDisable ends a user's right to sign in.
func UserDisable(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		return done(s.Disable(ctx, flags.Arg(0)), "%s may not sign in any more", flags.Arg(0))
	})
}

// UserEnable gives a disabled user that right back.
func UserEnable(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		return done(s.Enable(ctx, flags.Arg(0)), "%s may sign in again", flags.Arg(0))
	})
}

// Set changes a setting.
func Set(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 2, 2, func(s *store.Store) error {
		key, value := flags.Arg(0), flags.Arg(1)
		if value == "-" { // a password in it is nobody else's to see in the list of processes
			if term.IsTerminal(int(os.Stdin.Fd())) {
				fmt.Fprintf(os.Stderr, "Type the value of %s; Enter and then Ctrl-D end it, Ctrl-C changes nothing.\n", key)
			}
			text, err := input(ctx)
			if err != nil {
				return err
			}
			value = strings.TrimRight(text, "\r\n")
		}
		if err := s.Set(ctx, key, value); err != nil {
			return err
		}
		var now strings.Builder
		if err := s.ShowSettings(&now, key); err != nil {
			return err
		}
		return done(nil, "%s is now %s", key, cmp.Or(strings.TrimSpace(now.String()), "empty"))
	})
}

// Get shows all settings, one, or how the appliance is.
func Get(ctx context.Context, flags *flag.FlagSet, args []string) error {
	err := beside(ctx, flags, args, 0, 1, func(s *store.Store) error {
		if flags.Arg(0) == "status" {
			text, err := s.Status(ctx)
			fmt.Print(text)
			return err
		}
		return s.ShowSettings(os.Stdout, flags.Arg(0))
	})
	if err != nil && flags.Arg(0) == "status" { // the database cannot be looked at: who serves may know why
		for _, h := range store.CheckStorage(flags.Lookup("data").Value.String()) {
			fmt.Printf("%-12s PROBLEM: %s\n", h.Part, h.Text)
		}
	}
	return err
}

// typed is a command of omsbox as it is typed for the database of s.
func typed(s *store.Store, verb, arguments string) string {
	return s.Typed(strings.TrimSpace(verb + " " + arguments))
}

// done says what was done, if it was.
func done(err error, format string, args ...any) error {
	if err == nil {
		fmt.Printf(format+"\n", args...)
	}
	return err
}
