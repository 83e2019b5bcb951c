package command

import (
	"slices"
	"strings"
	"testing"

	"omsbox/store"
)

func TestArgumentsReachTheServiceAsTheyWereTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, arg, want string }{
		{"plain", "-http=:8080", "-http=:8080"},
		{"nothing", "", `""`},
		{"blank", "/srv/my texts", `"/srv/my texts"`},
		{"specifier", "100%", `"100%%"`},
		{"variable", "$HOME ${HOME}", `"$$HOME $${HOME}"`},
		{"quotes", `say "it's"`, `"say \"it's\""`},
		{"backslash", `C:\x`, `"C:\\x"`},
		{"separator of commands", ";", `";"`},
		{"other letters", "münchen", `"münchen"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := quote(c.arg)
			if err != nil || got != c.want {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
	for _, bad := range []string{"a\nUser=root", "\x00", "\xff"} {
		if got, err := quote(bad); err == nil {
			t.Errorf("%q was written as %s", bad, got)
		}
	}
}

func FuzzArguments(f *testing.F) {
	f.Add("-host", "sms.example.org")
	f.Add(`a "b" \`, `%$$;'`)
	f.Add(`\"`, ` "`)
	f.Add("", " ")
	f.Fuzz(func(t *testing.T, one, two string) {
		text, err := unit(plan{program: "/usr/local/bin/omsbox", data: store.SystemData(), args: []string{one, two}}, nil)
		if err != nil {
			return
		}
		if got, err := flagsOf(text); err != nil || !slices.Equal(got, []string{one, two}) {
			t.Errorf("%q and %q come back as %q: %v", one, two, got, err)
		}
		if n := strings.Count(text, "\n"); n != strings.Count(usual(t), "\n") {
			t.Errorf("%q and %q make lines of their own", one, two)
		}
	})
}

// FuzzUnitsThatWereChanged: whoever edits the unit by hand does omsbox no harm.
func FuzzUnitsThatWereChanged(f *testing.F) {
	f.Add("ExecStart=/usr/local/bin/omsbox serve -host sms.example.org")
	f.Add(`ExecStart="/usr/local/bin/omsbox" serve "a`)
	f.Add("ExecStart=" + `x serve \`)
	f.Fuzz(func(t *testing.T, text string) {
		args, err := flagsOf(text)
		if err != nil {
			return
		}
		for _, a := range args {
			if !strings.Contains(text, strings.TrimLeft(a, `"\%$`)) && !strings.ContainsAny(a, `"\%$`) {
				t.Errorf("%q is not in %q", a, text)
			}
		}
	})
}

func usual(t testing.TB) string {
	t.Helper()
	text, err := unit(plan{program: "/usr/local/bin/omsbox", data: store.SystemData()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheUnit(t *testing.T) {
	t.Parallel()
	text, err := unit(plan{program: "/usr/local/bin/omsbox", data: "/srv/my texts", args: []string{"-data",
		"/srv/my texts", "-host", "sms.example.org"}}, []string{"dialout", "uucp"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ promise, line string }{
		{"it starts the program with its flags", `ExecStart=/usr/local/bin/omsbox serve -data "/srv/my texts" -host sms.example.org`},
		{"it is nobody else's user", "User=omsbox"},
		{"it may open serial ports", "SupplementaryGroups=dialout uucp"},
		{"it may write where its data are", `ReadWritePaths="/srv/my texts"`},
		{"it waits for the disk of its data", `RequiresMountsFor="/srv/my texts"`},
		{"it may open ports below 1024", "AmbientCapabilities=CAP_NET_BIND_SERVICE"},
		{"and has no other privilege", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"},
		{"it is started again whatever ended it", "Restart=always"},
		{"and however often", "StartLimitIntervalSec=0"},
		{"what it writes is its own", "UMask=0077"},
		{"it starts with the computer", "WantedBy=multi-user.target"},
		{"what it is doing it may finish", "TimeoutStopSec=60"},
	} {
		if !strings.Contains(text, "\n"+c.line+"\n") {
			t.Errorf("%s: no line %s", c.promise, c.line)
		}
	}
	for _, c := range []struct{ harm, word string }{
		{"serial ports would be gone", "PrivateDevices"},
		{"serial ports would be gone", "DevicePolicy"},
		{"a program for 32 bits would not run on a system for 64", "SystemCallArchitectures"},
		{"the time server's word would not be heard", "ProtectClock"},
		{"a picture may need memory", "MemoryMax"},
		{"the directory is not systemd's to make", "StateDirectory"},
	} {
		if strings.Contains(text, c.word) {
			t.Errorf("%s with %s", c.harm, c.word)
		}
	}
	if text := usual(t); !strings.Contains(text, "\nStateDirectory=omsbox\nStateDirectoryMode=0700\n") || strings.Contains(text, "SupplementaryGroups") {
		t.Errorf("the usual data directory is systemd's, and groups that are not there are not named:\n%s", text)
	}
}

func TestTheDataDirectoryOfFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, store.SystemData()},
		{[]string{"-host", "data"}, store.SystemData()},
		{[]string{"-data", "/srv/a"}, "/srv/a"},
		{[]string{"--data=/srv/b/", "-host", "x"}, "/srv/b"},
	} {
		if got := dataOf(c.args); got != c.want {
			t.Errorf("%q: %s, want %s", c.args, got, c.want)
		}
	}
}
