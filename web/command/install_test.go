package command

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"omsbox/store"
	"omsbox/store/command"
	"omsbox/web/certificate"
)

// serveFlags are some of those that serve has.
func serveFlags(t *testing.T, args ...string) *flag.FlagSet {
	t.Helper()
	flags := flag.NewFlagSet("omsbox install", flag.ContinueOnError)
	command.DataFlag(flags)
	for _, name := range []string{"host", "http", "cert", "key"} {
		flags.String(name, "", "")
	}
	must(t, command.Parse(flags, args, 0, 0))
	return flags
}

func TestThePlan(t *testing.T) {
	t.Chdir(t.TempDir())
	data := filepath.Join(t.TempDir(), "texts")
	for _, c := range []struct {
		name    string
		environ map[string]string
		args    []string
		data    string
		want    []string
		refused string
	}{
		{name: "nothing said", data: store.SystemData()},
		{name: "flags as they were typed", args: []string{"-http", ":8080", "--host=a"}, data: store.SystemData(),
			want: []string{"-http", ":8080", "--host=a"}},
		{name: "flags of the environment", environ: map[string]string{"OMSBOX_HOST": "a"}, data: store.SystemData(), want: []string{"-host=a"}},
		{name: "what was typed counts more", environ: map[string]string{"OMSBOX_HOST": "a"}, args: []string{"-host", "b"},
			data: store.SystemData(), want: []string{"-host", "b"}},
		{name: "data of one's own", args: []string{"-data", data}, data: data, want: []string{"-data", data}},
		{name: "data of the environment", environ: map[string]string{"OMSBOX_DATA": data}, data: data, want: []string{"-data=" + data}},
		{name: "a relative directory", args: []string{"-data", "omsbox-data"}, refused: "is not started in this directory"},
		{name: "a relative certificate", args: []string{"-cert", "cert.pem"}, refused: "-cert cert.pem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, v := range c.environ {
				t.Setenv(k, v)
			}
			p, err := newPlan(serveFlags(t, c.args...), c.args, "/usr/local/bin/omsbox")
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %v, want %q", err, c.refused)
				}
				return
			}
			must(t, err)
			if p.data != c.data || !slices.Equal(p.args, c.want) {
				t.Errorf("data %s, flags %q, want %s and %q", p.data, p.args, c.data, c.want)
			}
		})
	}
}

func TestWhoseDirectoryMayBecomeTheServices(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(path string) {
		t.Helper()
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, nil, 0o600))
	}
	write(filepath.Join(dir, "photos", "1.jpg"))
	write(filepath.Join(dir, "ours", store.File))
	write(filepath.Join(dir, "ours", "notes.txt"))
	must(t, os.MkdirAll(filepath.Join(dir, "empty"), 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, "disk", "lost+found"), 0o700))
	home, err := os.UserHomeDir()
	must(t, err)
	for _, c := range []struct {
		dir string
		ok  bool
	}{
		{filepath.Join(dir, "none"), true},
		{filepath.Join(dir, "empty"), true},
		{filepath.Join(dir, "disk"), true},
		{filepath.Join(dir, "ours"), true},
		{filepath.Join(dir, "photos"), false},
		{home, false},
		{string(filepath.Separator), false},
	} {
		if err := ownDirectory(c.dir); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.dir, err, c.ok)
		}
	}
}

func TestAFileIsReplacedWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "omsbox")
	must(t, os.WriteFile(path, []byte("old"), 0o600))
	old, err := os.Open(path) // a program that runs
	must(t, err)
	defer old.Close()
	must(t, replace(path, 0o755, strings.NewReader("new")))
	text, err := os.ReadFile(path)
	must(t, err)
	kept := make([]byte, 8)
	n, err := old.Read(kept)
	must(t, err)
	if string(text) != "new" || string(kept[:n]) != "old" {
		t.Errorf("%q lies there, and %q is read by who had it open", text, kept[:n])
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}

func TestWhatToTypeNextIsWhatWorks(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // the program is not on it
	p := plan{program: "/opt/omsbox", data: store.SystemData(), args: []string{"-host", "sms.example.org"}}
	front := store.Front{Origin: "https://sms.example.org", TLS: certificate.ACME, Hosts: []string{"sms.example.org"}, HTTP: ":80"}
	got := next(front, p, false, "sudo journalctl -u omsbox")
	for _, want := range []string{
		"sudo /opt/omsbox install -modem auto -host sms.example.org",
		"sudo /opt/omsbox user add", "mail.relay -\n", "until the certificate has come", "sudo journalctl -u omsbox",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := howToStart("/srv/texts"); !strings.Contains(got, " serve -data /srv/texts`") {
		t.Errorf("got %s", got)
	}
}

func TestAnInstallationThatMovesTheServiceSaysSoBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	moves := func(args ...string) string {
		t.Helper()
		flags := flag.NewFlagSet("omsbox install", flag.ContinueOnError)
		ways := FrontFlags(flags)
		must(t, command.Parse(flags, args, 0, 0))
		must(t, ways.Check())
		return moving(t.Context(), dir, ways, []string{"-host", "sms.example.org"})
	}
	if got := moves("-host", "sms.example.org"); got != "" {
		t.Errorf("where nothing is yet: %s", got)
	}
	s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, s.SetFront(t.Context(), store.Front{Origin: "https://sms.example.org", Hosts: []string{"sms.example.org"}, TLS: certificate.ACME}))
	must(t, s.Close())
	for _, c := range []struct {
		args  string
		moves string // what it becomes
	}{
		{"-host sms.example.org", ""},
		{"-host sms.example.org -https 0.0.0.0:443", ""},
		{"-host new.example.org,sms.example.org", ""},
		{"-host new.example.org", "https://new.example.org"},
		{"-host sms.example.org -https :8443", "https://sms.example.org:8443"},
		{"-host sms.example.org -tls off -http :80", "http://sms.example.org"},
		{"-https localhost:https", "https://127.0.0.1"},
	} {
		t.Run(c.args, func(t *testing.T) {
			got := moves(strings.Fields(c.args)...)
			want := "Mind: the address of this box was https://sms.example.org and becomes " + c.moves + ": "
			if c.moves == "" && got != "" || c.moves != "" && (!strings.HasPrefix(got, want) || !strings.Contains(got, c.moves+"/oms/service.asmx") ||
				!strings.HasSuffix(got, "has had: -host sms.example.org\n")) {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestWhoMovesTheDoorOfOldProgramsIsToldSo(t *testing.T) {
	t.Parallel()
	const moved, closed = "the port of -https-legacy was 8443 and becomes ",
		"the port of -https-legacy was 8443 and is closed: the old programs that came by it find no service there"
	for _, c := range []struct{ name, last, args, want string }{
		{"there was none", "", "-host sms.example.org -https-legacy :8443", ""},
		{"it stays", "[::]:8443", "-host sms.example.org -https-legacy :8443", ""},
		{"it stays at another address", "[::]:8443", "-host sms.example.org -https-legacy 127.0.0.1:8443", ""},
		{"another port", "[::]:8443", "-host sms.example.org -https-legacy :9443",
			moved + "9443: to the old programs that came by it that is another service, so each of their accounts has to be " +
				"set up again with https://sms.example.org:9443/oms/service.asmx"},
		{"none any more", "[::]:8443", "-host sms.example.org", closed},
		{"all moves", "[::]:8443", "-host new.example.org", "at the same port. " + closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
			must(t, err)
			defer s.Close()
			must(t, s.SetFront(t.Context(), store.Front{Origin: "https://sms.example.org", Hosts: []string{"sms.example.org"},
				TLS: certificate.ACME, Legacy: c.last}))
			flags := flag.NewFlagSet("omsbox install", flag.ContinueOnError)
			ways := FrontFlags(flags)
			must(t, command.Parse(flags, strings.Fields(c.args), 0, 0))
			must(t, ways.Check())
			if got := Moves(s, ways.planned()); !strings.HasSuffix(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("got %s", got)
			}
		})
	}
}
