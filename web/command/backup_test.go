package command

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"omsbox/store"
	"omsbox/web/certificate"
)

// dataOfABox makes a data directory with a CA of its own and a user.
func dataOfABox(t testing.TB, flags ...string) (dir string, s *store.Store) {
	t.Helper()
	dir = t.TempDir()
	s, err := store.Create(context.Background(), dir, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { s.Close() })
	_, err = s.AddUser(t.Context(), store.User{Login: "ann", Mail: "ann@example.org"}, "secret of ann")
	must(t, err)
	must(t, s.SetFront(t.Context(), store.Front{Origin: "https://box.example.org", Flags: flags}))
	return dir, s
}

// typing runs a command as it is typed, with a file in place of standard input.
func typing(t testing.TB, input string, do func(context.Context, *flag.FlagSet, []string) error, args ...string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "input")
	must(t, os.WriteFile(file, []byte(input), 0o600))
	in, err := os.Open(file)
	must(t, err)
	defer in.Close()
	before := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = before }()
	flags := flag.NewFlagSet("omsbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return do(t.Context(), flags, args)
}

func TestWhoTrustedTheOldBoxTrustsTheRestoredOne(t *testing.T) {
	dir, s := dataOfABox(t, "-host=box.example.org", "-modem=sim")
	keep := func(dir string, s *store.Store) *certificate.Keeper {
		k, err := certificate.New(s, slog.New(slog.DiscardHandler), certificate.Config{Mode: certificate.Local, Data: dir,
			Hosts: []string{"box.example.org"}})
		must(t, err)
		return k
	}
	old := keep(dir, s)
	root, err := certificate.ReadRoot(dir)
	must(t, err)
	trusted := x509.NewCertPool()
	c, err := x509.ParseCertificate(root.DER)
	must(t, err)
	trusted.AddCert(c)
	shake(t, old, trusted)

	file := filepath.Join(t.TempDir(), "box.backup")
	must(t, typing(t, "", Backup, "-data", dir, file))
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the backup has mode %o", info.Mode().Perm())
	}
	to := filepath.Join(t.TempDir(), "new")
	must(t, typing(t, "", Restore, "-data", to, file))
	b, err := store.Create(t.Context(), to, slog.New(slog.DiscardHandler))
	must(t, err)
	defer b.Close()
	shake(t, keep(to, b), trusted)
	if _, err := b.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Programs); err != nil {
		t.Errorf("ann cannot sign in: %v", err)
	}
}

// shake makes a TLS handshake with a box as a client does that trusts a root.
func shake(t testing.TB, k *certificate.Keeper, trusted *x509.CertPool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	l, err := tls.Listen("tcp", "127.0.0.1:0", k.TLS())
	must(t, err)
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err == nil {
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	conn, err := (&tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{RootCAs: trusted, ServerName: "box.example.org"}}).
		DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatalf("a client that trusts the root refuses: %v", err)
	}
	conn.Close()
}

func TestABackupHasOwnCertificatesAndFlags(t *testing.T) {
	elsewhere := t.TempDir()
	cert, key := filepath.Join(elsewhere, "chain.pem"), filepath.Join(elsewhere, "key.pem")
	must(t, os.WriteFile(cert, []byte("chain"), 0o600))
	must(t, os.WriteFile(key, []byte("secret"), 0o600))
	dir, _ := dataOfABox(t, "-tls=files", "-cert="+cert, "-key="+key, "-modem=auto")
	file := filepath.Join(t.TempDir(), "box.backup")
	must(t, typing(t, "", Backup, "-data", dir, file))
	to := t.TempDir()
	must(t, typing(t, "", Restore, "-data", to, file))
	for path, want := range map[string]string{"own/cert.pem": "chain", "own/key.pem": "secret"} {
		got, err := os.ReadFile(filepath.Join(to, path))
		must(t, err)
		if string(got) != want {
			t.Errorf("%s is %q", path, got)
		}
		info, err := os.Stat(filepath.Join(to, path))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
	}
	words := restoredWords("/srv/box", manifest{Made: time.Now(), Flags: []string{"-tls=files", "-cert=" + cert,
		"-key=" + key, "-modem=auto"}}, store.Restored{})
	if want := "omsbox serve -tls=files -cert=/srv/box/own/cert.pem -key=/srv/box/own/key.pem -modem=auto -data " +
		"/srv/box"; !strings.Contains(words, want) {
		t.Errorf("it lacks %q:\n%s", want, words)
	}
}

func TestTheFlagsOfTheServiceAreKept(t *testing.T) {
	t.Setenv("OMSBOX_HTTP", "127.0.0.1:0")
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.String("data", "", "")
	f := FrontFlags(flags)
	must(t, flags.Parse([]string{"-data", "/srv/box", "-tls", "off", "-host", "b.example.org,c.example.org"}))
	must(t, flags.Set("http", "127.0.0.1:0"))
	ways, err := f.Open(t.TempDir())
	must(t, err)
	defer ways.Close()
	if got, want := fmt.Sprint(ways.Front.Flags), "[-host=b.example.org,c.example.org -http=127.0.0.1:0 -tls=off]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnEncryptedBackup(t *testing.T) {
	dir, _ := dataOfABox(t)
	file := filepath.Join(t.TempDir(), "box.backup")
	if err := typing(t, "short\n", Backup, "-data", dir, "-encrypt", file); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a short passphrase: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a file")
	}
	must(t, typing(t, "correct horse battery\n", Backup, "-data", dir, "-encrypt", file))
	text, err := os.ReadFile(file)
	must(t, err)
	if bytes.Contains(text, []byte("ann@example.org")) || bytes.Contains(text, []byte("SQLite")) {
		t.Error("it can be read")
	}
	to := filepath.Join(t.TempDir(), "new")
	for input, want := range map[string]string{"wrong\n": "that is not its passphrase", "": "no passphrase was given"} {
		if err := typing(t, input, Restore, "-data", to, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v", input, err)
		}
		if _, err := os.Stat(filepath.Join(to, store.File)); err == nil {
			t.Error("there is a database")
		}
	}
	for _, cut := range []int{len(text) - 1, len(text) - 70_000, len(text) / 2} {
		must(t, os.WriteFile(file+".cut", text[:cut], 0o600))
		if err := typing(t, "correct horse battery\n", Restore, "-data", to, file+".cut"); !errors.Is(err, errCut) {
			t.Errorf("cut at %d of %d: %v", cut, len(text), err)
		}
	}
	must(t, typing(t, "correct horse battery\n", Restore, "-data", to, file))
}

func TestWhatIsNoBackupIsRefused(t *testing.T) {
	dir, _ := dataOfABox(t)
	file := filepath.Join(t.TempDir(), "box.backup")
	must(t, typing(t, "", Backup, "-data", dir, file))
	whole, err := os.ReadFile(file)
	must(t, err)
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	database := whole[bytes.Index(whole, []byte("SQLite format 3")):]
	for _, c := range []struct {
		name    string
		content []byte
		want    error
	}{
		{"nothing", nil, errNoBackup},
		{"a picture", []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 4000)), errNoBackup},
		{"the database alone", database, errNoBackup},
		{"cut short", whole[:len(whole)/2], errCut},
		{"without its end", whole[:len(whole)-5000], errCut},
		{"with a bit changed", changed, errCut},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			must(t, os.WriteFile(path, c.content, 0o600))
			to := filepath.Join(t.TempDir(), "new")
			if err := typing(t, "", Restore, "-data", to, path); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			nothingIn(t, to)
		})
	}
}

// nothingIn fails where a directory holds more than its lock.
func nothingIn(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" {
			t.Errorf("left behind is %s", e.Name())
		}
	}
}

// forged is an archive with a manifest, what add puts there, and right digests.
func forged(t testing.TB, m manifest, add func(*archive)) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	a := &archive{ctx: t.Context(), to: tar.NewWriter(&b), made: time.Now()}
	must(t, a.addJSON(manifestName, m))
	add(a)
	must(t, a.end())
	return &b
}

func TestAForgedBackupReachesNothingElse(t *testing.T) {
	good := manifest{Format: 1, Made: time.Now()}
	header := func(h tar.Header) func(*archive) {
		return func(a *archive) { must(t, a.to.WriteHeader(&h)) }
	}
	files := func(names ...string) func(*archive) {
		return func(a *archive) {
			for _, name := range names {
				must(t, a.addText(name, []byte("x")))
			}
		}
	}
	for _, c := range []struct {
		name string
		m    manifest
		add  func(*archive)
	}{
		{"upwards", good, files("../evil")},
		{"upwards from below", good, files("ca/../../evil")},
		{"absolute", good, files("/tmp/evil")},
		{"another name", good, files("evil")},
		{"the lock", good, files("lock")},
		{"journals", good, files(store.File + "-wal")},
		{"a directory in place of a file", good, header(tar.Header{Typeflag: tar.TypeDir, Name: "ca/", Mode: 0o777})},
		{"a symbolic link", good, header(tar.Header{Typeflag: tar.TypeSymlink, Name: "ca/root.pem", Linkname: "/etc/passwd"})},
		{"a hard link", good, header(tar.Header{Typeflag: tar.TypeLink, Name: "ca/root.pem", Linkname: "/etc/passwd"})},
		{"a device", good, header(tar.Header{Typeflag: tar.TypeChar, Name: "ca/root.pem", Devmajor: 1, Devminor: 3})},
		{"the same twice", good, files("ca/root.pem", "ca/root.pem")},
		{"a file below a file", good, files("ca/root.pem", "ca/root.pem/x")},
		{"backslashes", good, files(`ca\..\evil`, `ca/..\..\evil`)},
		{"no database", good, files("ca/root.pem")},
		{"a database that is none", good, files(store.File)},
		{"a format to come", manifest{Format: 2, Made: time.Now(), Program: "v9"}, files()},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			func() {
				a := &archive{ctx: t.Context(), to: tar.NewWriter(&b), made: time.Now()}
				must(t, a.addJSON(manifestName, c.m))
				c.add(a)
				a.end() // after a header alone it fails
			}()
			above := t.TempDir()
			file, to := filepath.Join(above, "file"), filepath.Join(above, "new")
			must(t, os.WriteFile(file, b.Bytes(), 0o600))
			if err := typing(t, "", Restore, "-data", to, file); err == nil {
				t.Error("it was restored")
			}
			nothingIn(t, to)
			entries, err := os.ReadDir(above)
			must(t, err)
			if len(entries) != 2 {
				t.Errorf("there is %v", entries)
			}
		})
	}
	t.Run("a large file", func(t *testing.T) {
		b := forged(t, good, func(a *archive) { must(t, a.addText("ca/root.pem", make([]byte, longestFile+1))) })
		root, err := os.OpenRoot(t.TempDir())
		must(t, err)
		defer root.Close()
		if _, err := unpack(t.Context(), b, root); err == nil || !strings.Contains(err.Error(), "too large") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a database larger than the disk", func(t *testing.T) {
		var b bytes.Buffer
		a := &archive{ctx: t.Context(), to: tar.NewWriter(&b), made: time.Now()}
		must(t, a.addJSON(manifestName, good))
		must(t, a.to.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: store.File, Size: 1 << 60}))
		root, err := os.OpenRoot(t.TempDir())
		must(t, err)
		defer root.Close()
		if _, err := unpack(t.Context(), &b, root); err == nil || !strings.Contains(err.Error(), "make room") {
			t.Errorf("got %v", err)
		}
	})
}

func TestALinkInTheDataDirectoryIsNotFollowed(t *testing.T) {
	dir, _ := dataOfABox(t)
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("of root alone"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "ca"), 0o700))
	must(t, os.Symlink(secret, filepath.Join(dir, "ca", "root.pem")))
	file := filepath.Join(t.TempDir(), "box.backup")
	if err := typing(t, "", Backup, "-data", dir, file); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a backup")
	}
}

func TestABackupIsWrittenWholeAndOverNoOther(t *testing.T) {
	dir, s := dataOfABox(t)
	file := filepath.Join(t.TempDir(), "box.backup")
	must(t, os.WriteFile(file, []byte("the last one"), 0o644))
	if err := typing(t, "", Backup, "-data", dir, file); err == nil || !strings.Contains(err.Error(), "name another file") {
		t.Errorf("over the last backup: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "the last one" {
		t.Errorf("the last backup is %q now (%v)", text, err)
	}
	must(t, os.Remove(file))
	must(t, s.Close())
	must(t, os.Rename(filepath.Join(dir, store.File), filepath.Join(dir, "away")))
	if err := typing(t, "", Backup, "-data", dir, file); err == nil {
		t.Error("there is nothing to back up")
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) > 0 {
		t.Errorf("a backup that failed leaves %v (%v)", entries, err)
	}
	must(t, os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, store.File)))
	must(t, typing(t, "", Backup, "-data", dir, file))
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 || info.Size() < 10_000 {
		t.Errorf("the file has mode %o and %d octets", info.Mode().Perm(), info.Size())
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("beside it lies %v", entries)
	}
	if err := typing(t, "", Backup, "-data", dir, filepath.Dir(file)); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("into a directory: %v", err)
	}
}

// Whatever a file holds that is said to be a backup, nothing is written outside of the directory.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte(nil))
	var b bytes.Buffer
	a := &archive{ctx: f.Context(), to: tar.NewWriter(&b), made: time.Now()}
	must(f, a.addJSON(manifestName, manifest{Format: 1, Made: time.Now(), Flags: []string{"-modem=auto"}}))
	must(f, a.addText("ca/root.pem", []byte("secret")))
	must(f, a.addText(store.File, []byte("SQLite format 3")))
	must(f, a.end())
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		above := t.TempDir()
		must(t, os.Mkdir(filepath.Join(above, "data"), 0o700))
		root, err := os.OpenRoot(filepath.Join(above, "data"))
		must(t, err)
		defer root.Close()
		unpack(t.Context(), bytes.NewReader(text), root)
		entries, wrong := os.ReadDir(above)
		must(t, wrong)
		if len(entries) != 1 {
			t.Errorf("there is %v", entries)
		}
		must(t, filepath.WalkDir(root.Name(), func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && !entry.Type().IsRegular() {
				t.Errorf("%s is %v", path, entry.Type())
			}
			return err
		}))
	})
}
