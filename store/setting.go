package store

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"omsbox/store/condition"
)

// Setting is one thing that the administrator may decide while the appliance runs.
type Setting struct {
	Key     string
	Default string
	About   string // one line for people
	Secret  bool   // not to be shown in full
	Per     Per    // what may have a value of its own, as KEY/NAME; KEY alone is that of all others
	Named   bool   // there is no KEY alone
	Cached  bool   // clients of OMS keep what they were told of it: they are told that it changed
	check   func(string) error
}

// AllSettings are all there are, in the order in which they are shown.
func AllSettings() []Setting {
	return []Setting{
		{Key: "services", Default: "", About: "further services beside the one of the box, such as sales,alarms: each has its own address /oms/NAME/service.asmx; clients of one that is taken out are told that it has ended", check: listOf(serviceName)},
		{Key: "service.provider", Default: "omsbox", About: "the company or person that runs this box, shown in Outlook's account window", Per: PerService, Cached: true, check: shortText},
		{Key: "service.name", Default: "Text messages", About: "the name of the service, shown in Outlook's account window", Per: PerService, Cached: true, check: shortText},
		{Key: "service.local-name", Default: "", About: "its name for those whose Office speaks the language of oms.locale; empty: the same as service.name", Per: PerService, Cached: true, check: shortText},
		{Key: "service.sim", Default: "", About: "the SIM that the texts of a service leave through, by its IMSI or ICCID; empty: any", Per: PerService, check: simName},
		{Key: "sms.region", Default: "", About: "the country of numbers written without a country code, as two letters; empty: the SIM's", check: region},
		{Key: "mail.relay", Default: "", About: "where mail is handed over: smtp://host:port or smtps://user:password@host", Secret: true, check: relay},
		{Key: "mail.from", Default: "", About: "the address that all mail comes from; empty: an address of each user's own at mail.domain, or the user of mail.relay where the relay takes mail from that alone", check: mailAddress},
		{Key: "mail.domain", Default: "", About: "the domain of the addresses that replies come from; empty: this computer's name", check: domain},
		{Key: "mail.catch-all", Default: "", About: "the user who gets the texts that nobody wrote for", check: shortText},
		{Key: "acme.mail", Default: "", About: "the mail address that the public CA may write to about certificates; empty: none", check: mailAddress},
		{Key: "acme.directory", Default: "", About: "the public CA: empty for Let's Encrypt, staging for its trial one, or the https address of another's ACME directory", check: directory},
		{Key: "acme.roots", Default: "", About: "a PEM file with the root that vouches for that address, where it is a CA of your own", check: shortText},
		{Key: "acme.dns", Default: "", About: "how to prove the names through DNS, which works behind any router: duckdns TOKEN, cloudflare TOKEN, rfc2136 SERVER KEY-NAME ALGORITHM SECRET, or exec PROGRAM", Secret: true, check: dnsProvider},
		{Key: "http.proxies", Default: "", About: "the addresses of proxies in front of this box, such as 127.0.0.1 or 10.0.0.0/8: what they say of a client is believed", check: listOf(network)},
		{Key: "oms.plain", Default: "no", About: "yes: programs at private addresses, those of the own network and of overlays such as Tailscale, may use OMS on port 80 without TLS, with app passwords alone", check: yesNo},
		{Key: "oms.wait", Default: "2s", About: "how long Outlook is kept waiting for the modem's verdict; 0 answers at once", check: wait},
		{Key: "oms.closed", Default: "no", About: "yes: the service has ended; Outlook tells its users so, and nothing is taken", Per: PerService, check: yesNo},
		{Key: "oms.locale", Default: "0", About: "the language and country that the service is for, as a Windows LCID, such as 1031 for German in Germany; 0: none in particular", Per: PerService, Cached: true, check: between(0, 65535)},
		{Key: "oms.recipients", Default: "50", About: "how many recipients a text may have", Per: PerService, Cached: true, check: between(1, MostRecipients)},
		{Key: "oms.parts", Default: "20", About: "how many texts Outlook may split one message into; it makes 20 at most", Per: PerService, Cached: true, check: between(1, MostParts)},
		{Key: "oms.summary-parts", Default: "50", About: "how many texts a calendar summary may be split into", Per: PerService, check: between(1, MostParts)},
		{Key: "oms.sbcs", Default: "1530", About: "how many characters a text may have if the GSM alphabet has all of them; 1530 letters are ten segments, each of which costs as one SMS", Per: PerService, Cached: true, check: between(1, mostSBCS)},
		{Key: "oms.dbcs", Default: "670", About: "how many characters any other text may have; 670 are ten segments", Per: PerService, Cached: true, check: between(1, mostDBCS)},
		{Key: "oms.batch", Default: "1000", About: "how many messages SharePoint may hand over in one batch", Per: PerService, check: between(1, 10_000)},
		{Key: "oms.notices", Default: "no", About: "how many reminders and rule notifications a user may have sent to phones a day: no for no limit, yes for 30, or a number", Per: PerUser, check: notices},
		{Key: "mms.recipients", Default: "100", About: "how many recipients a multimedia message may have, once a modem has shown that it can send one", Per: PerService, Cached: true, check: between(1, MostRecipients)},
		{Key: "mms.size", Default: "300KB", About: "how large a multimedia message may be, in octets or as 300KB", Per: PerService, Cached: true, check: octets},
		{Key: "mms.slides", Default: "20", About: "how many slides a multimedia message may have", Per: PerService, Cached: true, check: between(1, MostParts)},
		{Key: "user.daily", Default: "0", About: "how many segments a user may hand over a day, each counted for each recipient; a text has one for each 160 letters or so; 0: no limit", Per: PerUser, check: count},
		{Key: "user.monthly", Default: "0", About: "how many segments a user may hand over in a calendar month; 0: no limit", Per: PerUser, check: count},
		{Key: "sms.hold", Default: "no", About: "yes: nothing is sent; a text of which a part has left is finished", check: yesNo},
		{Key: "sms.deny", Default: "", About: "the numbers that no text is sent to: with + by how they begin, such as +882,+4470, without + whole short codes, such as 71700; emergency numbers are always refused", check: listOf(denied)},
		{Key: "sms.premium", Default: "no", About: "whether texts may go to premium-rate numbers, which cost extra: no, yes, or to those alone that are listed as in sms.deny", check: premiumRate},
		{Key: "sms.validity", Default: "24h", About: "how long a text that is written from now on is worth sending, such as 90m, 24h or 3d", check: span(5*time.Minute, 63*week)},
		{Key: "sms.failover", Default: "5m", About: "how long the SIM that a text is meant for may be gone before another one sends it; never: it waits", check: orNever(span(0, 30*day))},
		{Key: "sms.languages", Default: "", About: "languages whose letters may be sent in tables of their own where that takes fewer segments: turkish, spanish, portuguese, …, or all", check: listOf(language)},
		{Key: "sms.plain", Default: "no", About: "yes: curly quotes, dashes and the like are replaced where they alone would make a text longer", check: yesNo},
		{Key: "sms.references", Default: "8", About: "how many bits the number has that holds the segments of one text together: 8, or 16", check: references},
		{Key: "sms.incomplete", Default: "6h", About: "how long the missing segments of a text are awaited before what is there is handed on", check: span(time.Minute, 30*day)},
		{Key: "sim.pin", Default: "", About: "the SIM's PIN; a wrong one is tried once", Per: PerSIM, Secret: true, check: pin},
		{Key: "sim.smsc", Default: "", About: "the number of the message centre, such as +491710760000; empty: as the SIM has it", Per: PerSIM, check: smsc},
		{Key: "sim.daily", Default: "0", About: "how many segments a SIM sends a day at most; 0: no limit. A text that was begun is finished", Per: PerSIM, check: count},
		{Key: "sim.monthly", Default: "0", About: "how many segments a SIM sends in a calendar month at most; 0: no limit", Per: PerSIM, check: count},
		{Key: "sim.pace", Default: "", About: "how many segments a SIM sends at most in a second, minute or hour, such as 20/m; empty: as many as the modem takes", Per: PerSIM, check: pace},
		{Key: "sim.hold", Default: "no", About: "yes: this SIM sends nothing; a text of which a part has left is finished", Per: PerSIM, check: yesNo},
		{Key: "sim.users", Default: "", About: "the users whose texts leave through this SIM, such as ann,bob", Per: PerSIM, Named: true, check: listOf(shortText)},
		{Key: "sim.prefixes", Default: "", About: "the numbers whose texts leave through this SIM, by how they begin, such as +43,+4917; the longest counts", Per: PerSIM, Named: true, check: listOf(prefix)},
		{Key: "sim.balance", Default: "", About: "the code that asks for the SIM's balance, such as *100#", Per: PerSIM, check: ussd},
		{Key: "sim.least", Default: "", About: "the balance below which the administrator is told, and whoever sends is warned, such as 5 or 2.50", Per: PerSIM, check: amount},
	}
}

// setting finds what a key means: KEY, or KEY/NAME where that may be. name is the second half, as rows
// hold it.
func setting(key string) (k Setting, name string, err error) {
	base, name, own := strings.Cut(key, "/")
	all := AllSettings()
	i := slices.IndexFunc(all, func(k Setting) bool { return k.Key == base })
	if i < 0 {
		var keys []string
		for _, k := range all {
			keys = append(keys, k.Key)
		}
		return Setting{}, "", fmt.Errorf("%w setting %q: there are %s", ErrInvalid, base, strings.Join(keys, ", "))
	}
	if !own {
		return all[i], "", nil
	}
	name, err = all[i].own(name)
	return all[i], name, err
}

// Setting returns the value of a setting: as it was set, else its default. A key that is none of
// AllSettings is "".
func (s *Store) Setting(key string) string {
	if v, ok := (*s.values.Load())[key]; ok {
		return v
	}
	return s.defaults[key]
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
	k, name, err := setting(key)
	if err != nil {
		return err
	}
	if k.Named && name == "" {
		return fmt.Errorf("%w setting %s: say of which %s, as %s", ErrInvalid, key, k.Per, k.example())
	}
	if name != "" {
		key = k.Key + "/" + name
		if value != "" {
			if err := s.exists(ctx, k.Per, name); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
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
	if !k.Secret {
		value = condition.OneLine(value)
	}
	if key == "services" {
		value = strings.Join(words(value), ",") // so that "al arms" is seen to be two
	}
	var logins []string
	switch {
	case k.Key == "sim.users":
		logins = words(value)
	case k.Key == "mail.catch-all" && value != "":
		logins = []string{value}
	}
	for _, login := range logins {
		u, err := s.UserByLogin(ctx, login)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if u.Disabled {
			return fmt.Errorf("%s: %w: user %q is disabled", key, ErrInvalid, login)
		}
	}
	return s.write(ctx, func(t *tx) error {
		if err := t.outdates(k, name, value); err != nil {
			return err
		}
		if key == "services" {
			if err := t.name(value); err != nil {
				return err
			}
		}
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
		t.ring(Outgoing) // what was held may go
		_, err = t.exec(`INSERT INTO counters (name, value) VALUES ('settings', ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, ms(t.now))
		return err
	})
}

// ShowSettings writes the settings for people: all with what they mean, or the value of one.
func (s *Store) ShowSettings(out io.Writer, key string) error {
	if key != "" {
		k, name, err := setting(key)
		if err != nil {
			return err
		}
		value := s.ownSetting(k.Per, k.Key, name)
		_, err = fmt.Fprintln(out, k.shown(value))
		return err
	}
	values := *s.values.Load()
	keys := slices.Sorted(maps.Keys(values))
	for _, k := range AllSettings() {
		value := k.shown(s.Setting(k.Key))
		if value == "" {
			value = `""`
		}
		if k.Named {
			value = "of each " + k.Per.String()
		}
		if _, err := fmt.Fprintf(out, "%-18s %s\n", k.Key, value); err != nil {
			return err
		}
		for _, key := range keys {
			if strings.HasPrefix(key, k.Key+"/") {
				if _, err := fmt.Fprintf(out, "%s %s%s\n", key, k.shown(values[key]), s.rests(k, key)); err != nil {
					return err
				}
			}
		}
		if _, err := fmt.Fprintf(out, "%18s %s%s\n", "", k.About, k.form()); err != nil {
			return err
		}
	}
	return nil
}

// rests says of a value of one service's that it counts for nothing now, if that is so.
func (s *Store) rests(k Setting, key string) string {
	_, name, _ := strings.Cut(key, "/")
	if k.Per != PerService || s.HasService(name) {
		return ""
	}
	return fmt.Sprintf(" (there is no service %s now; this counts again once services names it)", name)
}

// shown is a value as it may be shown: a secret only in so far as it is none.
func (k Setting) shown(value string) string {
	if !k.Secret || value == "" {
		return value
	}
	if u, err := url.Parse(value); err == nil && u.Host != "" {
		return u.Redacted()
	}
	return "set"
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
	s.signIn.people.Add(1) // it may have been another process that changed a user
	if err := s.reload(context.Background()); err != nil {
		s.log.Error("a change is not in force yet", "err", err)
	}
}

// reload reads again what is kept in memory of the database: settings, the names of the SIMs and
// which of them are in a modem that works, and the region of one.
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
	s.limited.Store(anySet(values, "user.daily", "user.monthly", "oms.notices"))
	s.warned.Store(anySet(values, "sim.least"))
	worked, err := one(ctx, s, func(r scanner) (yes bool, err error) {
		return yes, r.Scan(&yes)
	}, `SELECT EXISTS (SELECT 1 FROM counters WHERE name = 'radio')`)
	if err != nil {
		return fmt.Errorf("read whether a modem ever worked: %w", err)
	}
	s.worked.Store(worked)
	if err := s.readServices(ctx); err != nil {
		return fmt.Errorf("read the services: %w", err)
	}
	front, err := s.readFront(ctx)
	if err != nil {
		return fmt.Errorf("read how the service is reached: %w", err)
	}
	s.front.Store(&front)
	restored, err := s.readRestored(ctx)
	if err != nil {
		return fmt.Errorf("read the last restore: %w", err)
	}
	s.restored.Store(&restored)
	modems, err := s.Modems(ctx)
	if err != nil {
		return fmt.Errorf("read the modems: %w", err)
	}
	var countries []string
	for _, m := range modems {
		if r := regionOfIMSI(m.IMSI); r != "" && !slices.Contains(countries, r) {
			countries = append(countries, r)
		}
	}
	s.countries.Store(&countries)
	met, err := s.SIMs(ctx)
	if err != nil {
		return fmt.Errorf("read the SIMs: %w", err)
	}
	sims := map[string]string{}
	same := func(imsi, iccid string) {
		if imsi != "" && iccid != "" {
			sims[imsi], sims[iccid] = iccid, imsi
		}
	}
	for _, m := range met {
		same(m.ID, m.ICCID)
	}
	for _, m := range modems {
		same(m.IMSI, m.ICCID)
	}
	s.sims.Store(&sims)
	s.bindings.Store(readBindings(values, sims))
	if s.radio.set(modems, s.stamp()) {
		s.bells.ring(Outgoing) // another SIM may have to take its texts
	}
	return nil
}
