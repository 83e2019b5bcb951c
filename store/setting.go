package store

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one thing that the administrator may decide while the appliance runs.
type Setting struct {
	Key     string
	Default string
	About   string // one line for people
	Secret  bool   // not to be shown in full
	PerSIM  bool   // KEY/IMSI and KEY/ICCID are that of one SIM; KEY alone that of all others
	check   func(string) error
}

// AllSettings are all there are, in the order in which they are shown.
func AllSettings() []Setting {
	return []Setting{
		{Key: "service.provider", Default: "omsbox", About: "the company or person that runs this box, shown in Outlook's account window", check: shortText},
		{Key: "service.name", Default: "Text messages", About: "the name of the service, shown in Outlook's account window", check: shortText},
		{Key: "sms.region", Default: "", About: "the country of numbers written without a country code, as two letters; empty: the SIM's", check: region},
		{Key: "mail.relay", Default: "", About: "where mail is handed over: smtp://host:port or smtps://user:password@host", Secret: true, check: relay},
		{Key: "mail.domain", Default: "", About: "the domain of the addresses that replies come from; empty: this computer's name", check: domain},
		{Key: "mail.catch-all", Default: "", About: "the user who gets the texts that nobody wrote for", check: shortText},
		{Key: "oms.wait", Default: "2s", About: "how long Outlook is kept waiting for the modem's verdict; 0 answers at once", check: wait},
	}
}

func setting(key string) (Setting, error) {
	all := AllSettings()
	if base, name, ok := strings.Cut(key, "/"); ok {
		k, err := setting(base)
		if err != nil {
			return k, err
		}
		if !k.PerSIM || len(name) < 5 || len(name) > 60 || strings.ContainsAny(name, " \r\n\x00") {
			return Setting{}, fmt.Errorf("%w setting %q: write it as %s, or for one SIM as sim.daily/262011234567890 with its IMSI or ICCID", ErrInvalid, key, base)
		}
		return k, nil
	}
	if i := slices.IndexFunc(all, func(k Setting) bool { return k.Key == key }); i >= 0 {
		return all[i], nil
	}
	var keys []string
	for _, k := range all {
		keys = append(keys, k.Key)
	}
	return Setting{}, fmt.Errorf("%w setting %q: there are %s", ErrInvalid, key, strings.Join(keys, ", "))
}

// Setting returns the value of a setting: as it was set, else its default. A key that is none of
// AllSettings is "".
func (s *Store) Setting(key string) string {
	if v, ok := (*s.values.Load())[key]; ok {
		return v
	}
	k, _ := setting(key)
	return k.Default
}

// SIMSetting returns the value of a setting that each SIM may have its own of. names are those of
// the SIM: its IMSI, its ICCID, or both.
func (s *Store) SIMSetting(key string, names ...string) string {
	values := *s.values.Load()
	for _, name := range names {
		if v, ok := values[key+"/"+name]; ok && name != "" {
			return v
		}
	}
	return s.Setting(key)
}

// Wait returns how long DeliverXms may wait for a modem's verdict (oms.wait).
func (s *Store) Wait() time.Duration {
	d, err := time.ParseDuration(s.Setting("oms.wait"))
	if err != nil {
		return 0
	}
	return d
}

// MailDomain returns the domain of the addresses that replies come from (mail.domain).
func (s *Store) MailDomain() string {
	if d := s.Setting("mail.domain"); d != "" {
		return d
	}
	name, err := os.Hostname()
	if err != nil || domain(name) != nil || name == "" {
		return "omsbox.local"
	}
	if !strings.Contains(name, ".") {
		name += ".local"
	}
	return name
}

// Address returns the user's own smtpAddress, which replies come from.
func (s *Store) Address(u User) string { return u.Alias + "@" + s.MailDomain() }

// Set stores a setting; "" brings the default back. Running processes follow at once.
func (s *Store) Set(ctx context.Context, key, value string) error {
	k, err := setting(key)
	if err != nil {
		return err
	}
	if key == "sms.region" {
		if value = strings.ToUpper(value); value == "UK" {
			value = "GB" // as everybody there calls it
		}
	}
	if value != "" {
		if err := k.check(value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if key == "mail.catch-all" && value != "" {
		u, err := s.UserByLogin(ctx, value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if u.Disabled {
			return fmt.Errorf("%s: %w: user %q is disabled", key, ErrInvalid, value)
		}
	}
	return s.write(ctx, func(t *tx) error {
		if value == "" {
			_, err = t.exec(`DELETE FROM settings WHERE key = ?`, key)
		} else {
			_, err = t.exec(`INSERT INTO settings (key, value) VALUES (?, ?)
				ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
		}
		if err != nil {
			return err
		}
		t.then(s.reloadNow)
		t.ring(Settings)
		_, err = t.exec(`INSERT INTO counters (name, value) VALUES ('settings', ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, ms(t.now))
		return err
	})
}

// ShowSettings writes the settings for people: all with what they mean, or the value of one.
func (s *Store) ShowSettings(out io.Writer, key string) error {
	if key != "" {
		k, err := setting(key)
		if err == nil {
			_, err = fmt.Fprintln(out, k.shown(s.Setting(key)))
		}
		return err
	}
	for _, k := range AllSettings() {
		value := k.shown(s.Setting(k.Key))
		if value == "" {
			value = `""`
		}
		if _, err := fmt.Fprintf(out, "%-17s %s\n%17s %s\n", k.Key, value, "", k.About); err != nil {
			return err
		}
	}
	return nil
}

// shown is a value as it may be shown: without the password in it.
func (k Setting) shown(value string) string {
	if u, err := url.Parse(value); k.Secret && err == nil {
		return u.Redacted()
	}
	return value
}

// changed returns when a setting was changed last.
func (s *Store) changed(ctx context.Context) (time.Time, error) {
	at, err := one(ctx, s, func(r scanner) (at int64, err error) {
		return at, r.Scan(&at)
	}, `SELECT ifnull(max(value), 0) FROM counters WHERE name = 'settings'`)
	return fromMS(at), err
}

// reloadNow is reload for the writer, which has nobody to give an error to.
func (s *Store) reloadNow() {
	if err := s.reload(context.Background()); err != nil {
		s.log.Error("a change is not in force yet", "err", err)
	}
}

// reload reads again what is kept in memory of the database: settings, and the SIM's region.
func (s *Store) reload(ctx context.Context) error {
	type pair struct{ key, value string }
	pairs, err := list(ctx, s, func(r scanner) (p pair, err error) {
		return p, r.Scan(&p.key, &p.value)
	}, `SELECT key, value FROM settings`)
	if err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	values := map[string]string{}
	for _, p := range pairs {
		values[p.key] = p.value
	}
	s.values.Store(&values)
	modems, err := s.Modems(ctx)
	if err != nil {
		return fmt.Errorf("read the modems: %w", err)
	}
	home := ""
	for _, m := range modems {
		if r := regionOfIMSI(m.IMSI); r != "" {
			home = r
			break
		}
	}
	s.home.Store(&home)
	return nil
}

func shortText(v string) error {
	if len(v) > 200 || strings.ContainsAny(v, "\r\n\x00") {
		return fmt.Errorf("%w value: one line of at most 200 characters", ErrInvalid)
	}
	return nil
}

func region(v string) error {
	if !knownRegion(v) {
		return fmt.Errorf("%w region: no country has the code %q; write two letters, such as GB, DE or US", ErrInvalid, v)
	}
	return nil
}

func relay(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%w relay: write smtp://host:port or smtps://user:password@host, and in user and password "+
			"# as %%23, %% as %%25, / as %%2F, ? as %%3F, and other signs likewise", ErrInvalid)
	}
	return nil
}

func domain(v string) error {
	if len(v) > 253 {
		return fmt.Errorf("%w domain: too long", ErrInvalid)
	}
	for label := range strings.SplitSeq(v, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "-") != label || strings.ContainsFunc(label, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
		}) {
			return fmt.Errorf("%w domain %q: write it as mail.example.org", ErrInvalid, v)
		}
	}
	return nil
}

func wait(v string) error {
	if v == "0" {
		return nil
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		if seconds, plain := strconv.ParseFloat(v, 64); plain == nil {
			return fmt.Errorf("%w time %q: write %gs for seconds", ErrInvalid, v, seconds)
		}
		return fmt.Errorf("%w time %q: write it as 2s or 500ms", ErrInvalid, v)
	}
	if d < 0 || d > 30*time.Second {
		return fmt.Errorf("%w time %q: between 0 and 30s", ErrInvalid, v)
	}
	return nil
}
