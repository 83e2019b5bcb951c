package command

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/term"

	"omsbox/store"
	"omsbox/store/command"
)

// The work that each try of a passphrase costs, as a power of two: 16 takes 64 MB for a moment, which a small
// computer has beside the service. What a foreign file may demand at most is what age itself takes, 256 MB.
const (
	workFactor     = 16
	mostWorkFactor = 18
)

// Backup writes a backup of the data directory to a file, beside a running service or without one.
func Backup(ctx context.Context, flags *flag.FlagSet, args []string) error {
	data := command.DataFlag(flags)
	encrypt := flags.Bool("encrypt", false,
		"encrypt it to a passphrase, which is asked for, or read as a line of standard input")
	if err := command.Parse(flags, args, 1, 1); err != nil {
		return err
	}
	dir, to := filepath.Clean(*data), flags.Arg(0)
	if to == "-" && term.IsTerminal(int(os.Stdout.Fd())) {
		return errors.New("a backup is nothing to look at: name a file, or lead standard output to one or into a program")
	}
	if to != "-" {
		var err error
		if to, err = regular(to); err != nil {
			return err
		}
	}
	passphrase := ""
	if *encrypt {
		var err error
		if passphrase, err = command.NewPassphrase(ctx); err != nil {
			return err
		}
	}
	write := func(w io.Writer) error {
		// Root's process reads the service's directory with the rights of the service alone.
		return command.AsOwner(dir, func() error {
			return withStore(ctx, dir, func(s *store.Store) error { return pack(ctx, s, w, passphrase) })
		})
	}
	if to == "-" {
		return write(os.Stdout)
	}
	if err := replaceBy(to, 0o600, write); err != nil {
		return err
	}
	fmt.Printf("The backup of %s is in %s.\n", dir, to)
	if passphrase == "" {
		fmt.Println("Keep it where nobody else gets at it: it holds all texts, and the keys of the certificates.\n" +
			"With -encrypt only a passphrase opens it.")
	} else {
		fmt.Println("Only the passphrase opens it: without it nobody can restore it.")
	}
	return nil
}

// regular returns the path of a file that is to be written, and refuses one that is there.
func regular(path string) (string, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no regular file: name one, or write - for standard output", path)
	case err == nil:
		return "", fmt.Errorf("%s is there already, and may be the backup that you need: name another file, "+
			"or move that one away", path)
	}
	return path, nil
}

// pack writes a backup.
func pack(ctx context.Context, s *store.Store, w io.Writer, passphrase string) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	var to io.Writer = buffered
	var sealed io.WriteCloser
	if passphrase != "" {
		recipient, err := age.NewScryptRecipient(passphrase)
		if err != nil {
			return err
		}
		recipient.SetWorkFactor(workFactor)
		if sealed, err = age.Encrypt(buffered, recipient); err != nil {
			return err
		}
		to = sealed
	}
	if err := packInto(ctx, s, to); err != nil {
		return err
	}
	if sealed != nil {
		if err := sealed.Close(); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

func packInto(ctx context.Context, s *store.Store, to io.Writer) error {
	flags := s.Front().Flags
	// The copy comes first, since what belongs to it, a new root for one, may become newer and not older meanwhile.
	database, err := s.Copy(ctx)
	if err != nil {
		return err
	}
	defer database.Close()
	a := &archive{ctx: ctx, to: tar.NewWriter(to), made: database.Made}
	m := manifest{Format: archiveFormat, Made: database.Made, Program: programVersion(), Flags: flags}
	if err := a.addJSON(manifestName, m); err != nil {
		return err
	}
	data, err := os.OpenRoot(s.Dir())
	if err != nil {
		return err
	}
	defer data.Close()
	for _, dir := range copied {
		if err := a.addTree(data, dir); err != nil {
			return err
		}
	}
	for name, file := range map[string]string{"cert": ownCert, "key": ownKey} {
		path, ok := flagValue(flags, name)
		if !ok || path == "" {
			continue
		}
		text, err := readSmall(os.Open(path))
		if err != nil {
			return fmt.Errorf("-%s: %w", name, err)
		}
		if err := a.addText(file, text); err != nil {
			return err
		}
	}
	if err := a.add(store.File, database.Size, database); err != nil {
		return err
	}
	return a.end()
}

// flagValue returns the value of a flag among some that are written as -name=value.
func flagValue(flags []string, name string) (string, bool) {
	for _, f := range flags {
		if value, ok := strings.CutPrefix(f, "-"+name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

// Restore makes a data directory of a backup.
func Restore(ctx context.Context, flags *flag.FlagSet, args []string) error {
	data := command.DataFlag(flags)
	if err := command.Parse(flags, args, 1, 1); err != nil {
		return err
	}
	dir := filepath.Clean(*data)
	file := os.Stdin
	if name := flags.Arg(0); name != "-" {
		var err error
		if file, err = os.Open(name); err != nil { // as root, who may read what the service may not
			return err
		}
		defer file.Close()
	}
	from, err := opened(ctx, file)
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Arg(0), err)
	}
	var m manifest
	var r store.Restored
	err = command.AsOwner(dir, func() error {
		r, err = store.Restore(ctx, dir, slog.New(slog.DiscardHandler), func(to *os.Root) (made time.Time, err error) {
			m, err = unpack(ctx, from, to)
			return m.Made, err
		})
		return err
	})
	if errors.Is(err, store.ErrNewer) {
		return fmt.Errorf("the backup was made by a newer omsbox (%s): restore it with that one", m.Program)
	}
	if err != nil {
		return err
	}
	whole, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	fmt.Print(restoredWords(whole, m, r))
	return nil
}

// opened returns the archive in a backup, after asking for the passphrase where it is encrypted.
func opened(ctx context.Context, file *os.File) (io.Reader, error) {
	const mark = "age-encryption.org/v1\n"
	from := bufio.NewReaderSize(file, 1<<16)
	if begin, _ := from.Peek(len(mark)); !bytes.Equal(begin, []byte(mark)) {
		return from, nil
	}
	if file == os.Stdin {
		return nil, errors.New("it is encrypted, and its passphrase comes from standard input: name the file")
	}
	passphrase, err := command.AskSecret(ctx, "Passphrase of the backup: ")
	if err != nil {
		return nil, err
	}
	if passphrase == "" {
		return nil, errors.New("it is encrypted, and no passphrase was given: nothing was done")
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(mostWorkFactor)
	archive, err := age.Decrypt(from, identity)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong) && slices.Contains(wrong.StanzaTypes, "scrypt"):
		return nil, errors.New("that is not its passphrase: nothing was done")
	case err != nil:
		return nil, fmt.Errorf("it cannot be decrypted: %w", err)
	}
	return archive, nil
}

// restoredWords says what was restored and what to do next.
func restoredWords(dir string, m manifest, r store.Restored) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The backup of %s is restored in %s.\n\n", m.Made.Local().Format("2 January 2006 15:04"), dir)
	typed := func(words ...string) string { return store.Typed(dir, strings.Join(words, " ")) }
	if r.Holds() {
		fmt.Fprintf(&b, "Held until you decide: %s and %s. They were queued then, and the old box may have sent\n"+
			"them since. This shows them, and what to type: %s\n", store.Count(r.Texts, "text"), store.Count(r.Mails, "mail"), typed("held"))
	}
	if r.Doubt > 0 {
		fmt.Fprintf(&b, "A part of %s had left when the backup was made: unconfirmed, and not sent again.\n",
			store.Count(r.Doubt, "text"))
	}
	b.WriteString("Users, passwords, app passwords and settings are as they were then: end again what was ended since.\n" +
		"Everybody has to sign in on the pages again. A limit of a day or a month (user.daily, sim.daily, …) counts\n" +
		"as used up for the days since then, as the old box may have used it up: raise it where you know better.\n" +
		"The old box must not run any more.\n\n")
	verb := "serve"
	if dir == store.SystemData() {
		verb = "install"
	}
	var words []string
	for _, f := range m.Flags {
		switch {
		case strings.HasPrefix(f, "-cert="):
			f = "-cert=" + filepath.Join(dir, filepath.FromSlash(ownCert))
		case strings.HasPrefix(f, "-key="):
			f = "-key=" + filepath.Join(dir, filepath.FromSlash(ownKey))
		}
		words = append(words, store.Quoted(f))
	}
	fmt.Fprintf(&b, "Start it with the flags that it had: %s\n", typed(append([]string{verb}, words...)...))
	return b.String()
}
