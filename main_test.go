package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // so that a mail is read whatever its charset

	"omsbox/mailer"
	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/modem/sms"
	"omsbox/oms"
	"omsbox/store"
	"omsbox/web"
	front "omsbox/web/command"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// arrows are all that the drawing of the packages has, by the importing one.
var arrows = map[string][]string{
	"omsbox": {"omsbox/web/command", "omsbox/web/certificate", "omsbox/store/command", "omsbox/oms",
		"omsbox/web", "omsbox/mailer", "omsbox/modem", "omsbox/modem/command", "omsbox/modem/simulator", "omsbox/store"},
	"omsbox/oms":             {"omsbox/store"},
	"omsbox/web":             {"omsbox/web/certificate", "omsbox/store"},
	"omsbox/web/certificate": {"omsbox/web/dns", "omsbox/store"},
	"omsbox/web/dns":         {},
	"omsbox/web/command":     {"omsbox/web", "omsbox/web/certificate", "omsbox/store", "omsbox/store/command"},
	"omsbox/mailer":          {"omsbox/modem/sms", "omsbox/store"},
	"omsbox/modem":           {"omsbox/store", "omsbox/modem/sms", "omsbox/modem/simulator"},
	"omsbox/modem/command":   {"omsbox/modem", "omsbox/modem/simulator", "omsbox/store", "omsbox/store/command"},
	"omsbox/store/command":   {"omsbox/store"},
	"omsbox/store":           {"omsbox/modem/sms"},
	"omsbox/modem/simulator": {"omsbox/modem/sms"},
	"omsbox/modem/sms":       {},
	"omsbox/store/condition": {},
}

// leaves import nothing of ours, and any package may import them.
var leaves = []string{"omsbox/modem/sms", "omsbox/store/condition"}

// homes are the packages that alone may import an outside library.
var homes = map[string]string{
	"modernc.org/sqlite":             "omsbox/store",
	"github.com/warthog618/modem":    "omsbox/modem",
	"go.bug.st/serial":               "omsbox/modem",
	"github.com/warthog618/sms":      "omsbox/modem/sms",
	"github.com/emersion/go-smtp":    "omsbox/mailer",
	"github.com/caddyserver":         "omsbox/web/certificate",
	"github.com/miekg/dns":           "omsbox/web/dns",
	"github.com/kardianos/service":   "omsbox/web/command",
	"github.com/nyaruka":             "omsbox/store",
	"golang.org/x/crypto/argon2":     "omsbox/store",
	"github.com/emersion/go-sasl":    "omsbox/mailer",
	"github.com/emersion/go-message": "omsbox/mailer",
	"filippo.io/age":                 "omsbox/web/command",
}

func TestPackagesImportWhatTheDrawingHas(t *testing.T) {
	t.Parallel()
	for _, goos := range []string{"linux", "windows"} {
		cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
		cmd.Env = append(cmd.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
		out, err := cmd.Output()
		check(t, err)
		for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
			var p struct {
				ImportPath string
				Imports    []string
			}
			check(t, d.Decode(&p))
			allowed, drawn := arrows[p.ImportPath]
			if !drawn {
				t.Errorf("package %s is not in the drawing", p.ImportPath)
			}
			for _, i := range p.Imports {
				if (i == "omsbox" || strings.HasPrefix(i, "omsbox/")) && !slices.Contains(allowed, i) && !slices.Contains(leaves, i) {
					t.Errorf("%s imports %s", p.ImportPath, i)
				}
				for library, home := range homes {
					if (i == library || strings.HasPrefix(i, library+"/")) && p.ImportPath != home {
						t.Errorf("%s imports %s, whose home is %s", p.ImportPath, i, home)
					}
				}
			}
		}
	}
}

func TestSQLiteRunsOnTheLibraryItWasMadeFor(t *testing.T) {
	t.Parallel()
	// modernc.org/libc must be of exactly the version that the driver's go.mod names.
	out, err := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite").Output()
	check(t, err)
	wanted, err := exec.Command("go", "mod", "edit", "-json", strings.TrimSpace(string(out))).Output()
	check(t, err)
	var mod struct {
		Require []struct{ Path, Version string }
	}
	check(t, json.Unmarshal(wanted, &mod))
	got, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "modernc.org/libc").Output()
	check(t, err)
	for _, r := range mod.Require {
		if r.Path == "modernc.org/libc" && r.Version != strings.TrimSpace(string(got)) {
			t.Errorf("modernc.org/libc is %s, the driver was made for %s", bytes.TrimSpace(got), r.Version)
		}
	}
}

// cheap spares the tests the usual cost of passwords.
var cheap = store.WithPasswordCost(64, 1)

// world is the appliance in this process with a simulated network and a mailbox.
type world struct {
	store   *store.Store
	sim     *simulator.Simulator
	mailbox *mailer.Mailbox
	url     string // of the OMS service
	user    store.User
}

// begin starts the appliance; it is stopped when the test ends.
func begin(t testing.TB, options simulator.Options, how ...store.Option) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	s, err := store.Create(ctx, t.TempDir(), log, append(how, cheap)...)
	check(t, err)
	w := &world{store: s, sim: simulator.New(options), mailbox: mailer.NewMailbox(log)}
	ways, err := front.OpenPlain("127.0.0.1:0", "off")
	check(t, err)
	post, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	w.user, err = s.AddUser(ctx, store.User{Login: "anna", Mail: "anna@example.org"}, "secret")
	check(t, err)
	check(t, s.Set(ctx, "mail.relay", "smtp://"+post.Addr().String()))
	check(t, s.Set(ctx, "mail.domain", "sms.example.org"))
	w.url = ways.Front.Origin + web.OMSPath
	radio := modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) { return w.sim.Open() }, log)
	done := make(chan error, 2)
	go func() { done <- w.mailbox.Serve(ctx, post) }()
	go func() { done <- appliance(ctx, s, log, ways, nil, []*modem.Modem{radio}, nil) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		check(t, s.Close())
		w.sim.Close()
	})
	return w
}

// deliver posts a DeliverXms request and returns the answer's body.
func deliver(t testing.TB, url, request string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(request))
	check(t, err)
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", oms.Action("DeliverXms"))
	answer, err := http.DefaultClient.Do(r)
	check(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", answer.Status, body)
	}
	return string(body)
}

const accepted = `code="ok" severity="neutral"`

// soon waits for a condition that something outside the test's sight brings about.
func soon(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestTheStory is what omsbox is for: a text from Outlook reaches two phones and is reported, and
// the answer of one reaches the mailbox of who wrote.
func TestTheStory(t *testing.T) {
	t.Parallel()
	w := begin(t, simulator.Options{})
	const ann, bob = "+447911000001", "+447911000002"
	text := strings.Repeat("Meet me at the station at eight. ", 9) + "😀"
	text += strings.Repeat(".", 300-len([]rune(text)))

	answer := deliver(t, w.url, oms.DeliverRequest("anna", "secret", text, ann, bob))
	if !strings.Contains(answer, accepted) {
		t.Fatalf("Outlook is told %s", answer)
	}
	for _, number := range []string{ann, bob} {
		soon(t, "the text on the phone", func() bool { return len(w.sim.Phone(number).Inbox()) > 0 })
		got := w.sim.Phone(number).Inbox()[0]
		if got.Text != text || got.Parts != 5 { // 301 UTF-16 units in segments of 67: TS 23.040 9.2.3.24.1
			t.Errorf("the phone shows %q in %d parts", got.Text, got.Parts)
		}
	}
	soon(t, "the delivery reports", func() bool {
		deliveries, err := w.store.Deliveries(t.Context(), 1)
		check(t, err)
		return len(deliveries) == 2 && deliveries[0].State == store.Delivered && deliveries[1].State == store.Delivered
	})

	reply := "Ich komme später, wahrscheinlich gegen neun. " + strings.Repeat("Warte bitte auf mich! ", 8)
	check(t, w.sim.Phone(bob).SendParts(reply, 2, 1))
	soon(t, "the mail", func() bool { return len(w.mailbox.Mails()) > 0 })
	mails := w.mailbox.Mails()
	mail, err := message.Read(strings.NewReader(string(mails[0].Source)))
	check(t, err)
	for name, want := range map[string]string{
		"Content-class":        "MS-OMS-SMS",
		"X-MS-Reply-To-Mobile": bob,
		"To":                   "<anna@example.org>",
		"Subject":              "Ich komme später, wahrscheinlich gegen n…",
		"MIME-Version":         "1.0",
	} {
		got, err := mail.Header.Text(name)
		check(t, err)
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if from := mail.Header.Get("From"); !strings.Contains(from, "<anna@sms.example.org>") {
		t.Errorf("From is %q", from)
	}
	kind, parameters, err := mail.Header.ContentType()
	check(t, err)
	if kind != "text/plain" || parameters["charset"] != "utf-8" || mail.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		t.Errorf("the body is %s %v, %s", kind, parameters, mail.Header.Get("Content-Transfer-Encoding"))
	}
	body, err := io.ReadAll(mail.Body)
	check(t, err)
	if got := strings.TrimRight(string(body), "\r\n"); got != strings.TrimRight(reply, " ") && got != reply {
		t.Errorf("the body reads %q", got)
	}
	if len(mails) != 1 {
		t.Errorf("there are %d mails", len(mails))
	}
}

// program builds omsbox as people would and returns its path.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "omsbox-test-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "omsbox.exe")
	out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return file, nil
})

// TestMain lets more tests run at once than there are processors: most of the time they wait. In the end it removes
// the program that they ran.
func TestMain(m *testing.M) {
	flag.Parse()
	atOnce := flag.Lookup("test.parallel").Value
	if atOnce.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // nobody chose otherwise
		atOnce.Set("8")
	}
	code := m.Run()
	if file, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// omsbox runs a command of the real program with something to read.
func omsbox(t testing.TB, input string, args ...string) (output string, status int) {
	t.Helper()
	file, err := program()
	check(t, err)
	cmd := exec.CommandContext(t.Context(), file, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestCommandsSayWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"", 2, "usage: omsbox COMMAND"},
		{"help", 0, "usage: omsbox COMMAND"},
		{"help serve", 0, "usage: omsbox serve"},
		{"help root", 0, "usage: omsbox root [flags]"},
		{"help root new", 0, "usage: omsbox root new"},
		{"get status -data " + none, 1, "start `omsbox serve -data " + none + "` once"},
		{"send +447911123456 -user=ann -data " + none, 1, "start `omsbox serve"},
		{"serve -host http://sms.example.org", 2, "write a name such as"},
		{"serve -tls magic", 2, "write acme, local, files or off"},
		{"serve -cert a.pem -key a.key -tls local", 2, "-cert and -key are for -tls files"},
		{"serve -modem tcp://127.0.0.1", 2, "tcp://host:port"},
		{"serve -modem tcp://127.0.0.1:99999", 2, "with a port of at most 65535"},
		{"serve -http 127.0.0.1:99999", 2, "-http 127.0.0.1:99999: write it as :PORT or HOST:PORT, such as :80 or " +
			"127.0.0.1:8025, with a port of at most 65535, or off"},
		{"serve -tls off -http=", 2, "-tls off needs an address to serve at"},
		{"serve -https=", 2, "-https off: then -tls must be off too"},
		{"serve -smtp 587", 2, "-smtp 587: write it as :PORT"},
		{"serve -https-legacy :", 2, "-https-legacy :: write it as :PORT"},
		{"serve -http :8080 -https :8080", 2, "-https and -http are both :8080"},
		{"install everything", 2, "too many arguments: everything"},
		{"uninstall -h", 0, "take it off the computer"},
		{"dance", 2, "there is no command \"dance\""},
		{"send -h", 0, "usage: omsbox send"},
		{"set -data " + none + " oms.wait", 2, "usage: omsbox set"},
		{"serve -modem", 2, "flag needs an argument: -modem"},
		{"user list -data " + none, 1, "start `omsbox serve"},
		{"send -data " + none + " +447911123456", 1, "start `omsbox serve"},
		{"modem send /dev/no-such-modem +447911123456 hello", 1, "is the modem plugged in?"},
		{"modem send /dev/null +447911123456 hello", 1, "is no serial port"},
		{"modem send tcp://127.0.0.1 +447911123456 hello", 1, "tcp://host:port"},
		{"modem send tcp://127.0.0.1:1 +447911123456 hello", 1, "is the program that shares the modem running"},
		{"serve -tls off -http 127.0.0.1:0 -data /dev/null/x", 1, "choose a directory that this user may write"},
		{"serve -tls off -http 256.0.0.1:80 -data " + none, 1, "256.0.0.1"},
		{"version", 0, "omsbox"},
	} {
		t.Run(c.args, func(t *testing.T) {
			got, status := omsbox(t, "", strings.Fields(c.args)...)
			if status != c.status || !strings.Contains(got, c.want) {
				t.Errorf("status %d, %s", status, got)
			}
			if c.status == 1 && strings.Count(got, "\n") != 1 {
				t.Errorf("it takes more than a line: %s", got)
			}
		})
	}
}

// TestCommandsBesideAService types what README tells people to type, while the service runs.
func TestCommandsBesideAService(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.modem = "sim"
	ended := s.start(t)
	soon(t, "the modem", func() bool {
		status, _ := omsbox(t, "", "get", "-data", s.data, "status")
		return strings.Contains(status, "sim: ready")
	})
	for _, c := range []struct {
		args, input string
		status      int
		want        string
	}{
		{"user add -mail ann@example.org -phone +447911000001 ann", "secret of ann\n", 0, "added ann"},
		{"user add ann", "secret of ann\n", 1, "the name is taken"},
		{"user add bob", "short\n", 1, "at least 8 characters"},
		{"user passwd ann", "another secret\n", 0, "ann has a new password"},
		{"user passwd nobody", "x\n", 1, "there is no user \"nobody\""},
		{"set sms.region uk", "", 0, "sms.region is now GB"},
		{"set mail.relay -", "smtp://box:pass%23word@127.0.0.1:1\n", 0, "mail.relay is now smtp://box:xxxxx@127.0.0.1:1"},
		{"get mail.relay", "", 0, "smtp://box:xxxxx@127.0.0.1:1"},
		{"set mail.catch-all nobody", "", 1, "there is no user"},
		{"set mail.catch-all ann", "", 0, "mail.catch-all is now ann"},
		{"set no.such x", "", 1, "mail.catch-all"},
		{"send -user ann 07911000002", "Hello from the shell\n", 0, "queued as message 1"},
		{"send 07911000002", "\n", 1, "the text is empty"},
		{"send 07911000002", strings.Repeat("x", 1531), 1, "the text has 1531 characters, and can have 1530: 1530 where " +
			"the GSM alphabet has all of them (oms.sbcs), else 670 (oms.dbcs): nothing was sent"},
		{"send hello", "x", 1, "not a phone number"},
		{"user disable ann", "", 0, "ann may not sign in any more"},
		{"user list", "", 0, "disabled"},
		{"send -user ann 07911000002", "x", 1, "the account of ann is disabled, so nothing was sent: `omsbox user enable ann -data " + s.data + "`"},
		{"user disable nobody", "", 1, "there is no user \"nobody\"; `omsbox user list -data " + s.data + "`"},
		{"user enable ann", "", 0, "ann may sign in again"},
		{"user add -admin root", "secret of root\n", 0, "`omsbox user app-password root -data " + s.data + "` makes one"},
		{"user list", "", 0, "admin, needs an app password"},
		{"user app-password list root", "", 0, "root has no app password"},
		{"user app-password -name Outlook root", "", 0, "It is not shown again"},
		{"user app-password -name outlook root", "", 1, "has an app password \"outlook\" already"},
		{"user app-password root", "", 0, "with or without the hyphens"},
		{"user app-password nobody", "", 1, "there is no user \"nobody\""},
		{"user app-password list root", "", 0, "program 1"},
		{"user app-password revoke root program 1", "", 0, "\"program 1\" of root is ended"},
		{"user app-password revoke root 1", "", 0, "\"Outlook\" of root is ended"},
		{"user app-password revoke root Outlook", "", 1, "has no app password \"Outlook\""},
		{"get status", "", 0, "GB, for numbers without a country code"},
		{"get", "", 0, "oms.wait"},
		{"log", "", 0, "command"},
		{"log -n 0", "", 1, "between 1 and 1000000"},
		{"cancel 99", "", 1, "99"},
		{"cancel one", "", 1, "`omsbox log -data " + s.data + "` shows the numbers"},
		{"user expire ann tomorrow", "", 1, "write it as 2031-12-31, or never"},
		{"user expire ann 2031-12-31", "", 0, "ann may not sign in from 2031-12-31 on"},
		{"user expire ann 2001-12-31", "", 0, "ann may not sign in from 2001-12-31 on"},
		{"send -user ann 07911000002", "x", 1, "the account of ann expired on 2001-12-31, so nothing was sent: `omsbox " +
			"user expire ann never -data " + s.data + "`"},
		{"user expire ann never", "", 0, "has no end"},
		{"mms forget", "", 1, "no modem has sent a multimedia message, so none are offered anyway"},
		{"set services sales", "", 0, "services is now sales"},
		{"get", "", 0, "; for one service alone: oms.recipients/NAME\n"},
		{"get", "", 0, "; write it as sim.users/262011234567890 with its IMSI or ICCID\n"},
		{"set mail.domain -", "\n", 0, "mail.domain is now empty"},
		{"set oms.recipients/sales 10", "", 0, "oms.recipients/sales is now 10"},
		{"set oms.recipients/alarms 10", "", 1, "there is no service \"alarms\": the setting services names"},
		{"set services sales,alarms,", "", 0, "services is now sales,alarms\n"},
		{"set user.daily/ann 1", "", 0, "user.daily/ann is now 1"},
		{"send -user ann 07911000002", "x", 1, "the limit of 1 segments a day leaves no room for 1 of the recipients: nothing was sent"},
		{"set user.daily/ann 20", "", 0, "user.daily/ann is now 20"},
		{"serve -tls off -http 127.0.0.1:0", "", 1, "the data directory is in use"},
	} {
		words := strings.Fields(c.args)
		n := 1 // the flag comes after the command's own words
		if words[0] == "user" || words[0] == "mms" {
			n = 2
			if len(words) > 2 && (words[2] == "list" || words[2] == "revoke") {
				n = 3 // of app-password
			}
		}
		args := slices.Concat(words[:n], []string{"-data", s.data}, words[n:])
		if got, status := omsbox(t, c.input, args...); status != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: status %d, %s", c.args, status, got)
		}
	}
	soon(t, "the text to be sent", func() bool {
		status, _ := omsbox(t, "", "get", "-data", s.data, "status")
		return strings.Contains(status, "0 waiting, 0 being sent")
	})
	s.interrupt(t)
	<-ended
}

// A service that leaves the address of its last run says what that means. This one ends by itself, as
// it has no certificate.
func TestServeSaysThatItsAddressIsAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	check(t, err)
	check(t, s.SetFront(t.Context(), store.Front{Origin: "https://sms.example.org"}))
	check(t, s.Close())
	none := filepath.Join(dir, "none.pem")
	got, status := omsbox(t, "", "serve", "-data", dir, "-http", "off", "-https", "127.0.0.1:0", "-tls", "files", "-cert", none, "-key", none)
	if want := "the address of this box was https://sms.example.org and becomes https://127.0.0.1:"; status != 1 ||
		!strings.Contains(got, "level=WARN") || !strings.Contains(got, want) {
		t.Errorf("status %d, %s, want %s", status, got, want)
	}
}

// TestARenewedCertificateReachesEveryDoor puts new files in the place of the ones that the service
// was started with, as whoever renews them does.
func TestARenewedCertificateReachesEveryDoor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, trusted := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "root.pem")
	serial := int64(0)
	sign := func(template, by *x509.Certificate, public any, signer *rsa.PrivateKey) *x509.Certificate {
		serial++
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(serial), time.Now().Add(-time.Hour), time.Now().AddDate(0, 3, 0)
		der, err := x509.CreateCertificate(crand.Reader, template, by, public, signer)
		check(t, err)
		c, err := x509.ParseCertificate(der)
		check(t, err)
		return c
	}
	write := func(path, kind string, der []byte) {
		check(t, os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		check(t, os.Rename(path+".new", path))
	}
	authority, err := rsa.GenerateKey(crand.Reader, 2048)
	check(t, err)
	root := &x509.Certificate{Subject: pkix.Name{CommonName: "Everybody's CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	root = sign(root, root, &authority.PublicKey, authority)
	write(trusted, "CERTIFICATE", root.Raw)
	renew := func() *x509.Certificate {
		own, err := rsa.GenerateKey(crand.Reader, 2048)
		check(t, err)
		leaf := sign(&x509.Certificate{DNSNames: []string{"localhost"}}, root, &own.PublicKey, authority)
		secret, err := x509.MarshalPKCS8PrivateKey(own)
		check(t, err)
		write(cert, "CERTIFICATE", leaf.Raw)
		write(key, "PRIVATE KEY", secret)
		return leaf
	}
	want := renew()

	s := newService(t)
	s.modem = "sim"
	s.ways = []string{"-tls", "files", "-cert", cert, "-key", key, "-host", "localhost",
		"-https", "127.0.0.1:0", "-http", "127.0.0.1:0", "-https-legacy", "127.0.0.1:0", "-smtp", "127.0.0.1:0"}
	s.environ = []string{"SSL_CERT_FILE=" + trusted} // a CA that its computer trusts
	ended := s.start(t)
	var at store.Front
	soon(t, "the ways in", func() bool {
		rows, err := store.Open(t.Context(), s.data, slog.New(slog.DiscardHandler))
		if err != nil {
			return false
		}
		defer rows.Close()
		at = rows.Front()
		return at.Origin != ""
	})
	roots := x509.NewCertPool()
	roots.AddCert(root)
	client := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS10}
	old := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
	shown := func(address string, config *tls.Config) *x509.Certificate {
		c, err := tls.Dial("tcp", address, config)
		check(t, err)
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0]
	}
	doors := map[string]func() *x509.Certificate{
		"pages":  func() *x509.Certificate { return shown(at.HTTPS, client) },
		"legacy": func() *x509.Certificate { return shown(at.Legacy, old) },
		"mail": func() *x509.Certificate {
			c, err := smtp.Dial(at.SMTP)
			check(t, err)
			defer c.Close()
			check(t, c.StartTLS(client))
			state, _ := c.TLSConnectionState()
			return state.PeerCertificates[0]
		},
	}
	for round := range 2 {
		if round == 1 {
			want = renew()
		}
		for door, shows := range doors {
			soon(t, "the certificate at the door for "+door, func() bool { return shows().Equal(want) })
		}
	}

	// Under a name that everybody trusts, browsers are told to insist on TLS. Where SSL_CERT_FILE
	// means nothing, the service's computer trusts nobody new.
	transport := &http.Transport{TLSClientConfig: client}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get(at.Origin + "/")
	check(t, err)
	answer.Body.Close()
	public := runtime.GOOS != "windows" && runtime.GOOS != "darwin"
	if got := answer.Header.Get("Strict-Transport-Security"); public != (got == "max-age=31536000") {
		t.Errorf("browsers are told %q", got)
	}
	for _, c := range []struct{ command, want string }{
		{"get status", "localhost: files, signed by Everybody's CA, until " + want.NotAfter.Format(time.DateOnly)},
		{"doctor", "localhost: Everybody's CA vouches for it until"},
		{"doctor", "old programs are let in at " + at.Legacy},
		{"doctor", "mail programs are let in at " + at.SMTP},
		{"doctor", "sent on to " + at.Origin},
	} {
		words := strings.Fields(c.command)
		soon(t, c.command+" to say "+c.want, func() bool {
			cmd := exec.CommandContext(t.Context(), s.file, slices.Concat(words[:1], []string{"-data", s.data}, words[1:])...)
			cmd.Env = append(cmd.Environ(), s.environ...)
			got, _ := cmd.CombinedOutput() // doctor finds a problem: there is no relay
			return strings.Contains(string(got), c.want)
		})
	}
	s.interrupt(t)
	<-ended
}

// TestServingIsLight holds the figures that a small computer needs: it serves within a second of
// its start and takes 40 MB at most while it idles.
func TestServingIsLight(t *testing.T) {
	s := newService(t)
	s.modem = "sim"
	began := time.Now()
	ended := s.start(t)
	soon(t, "the home page", func() bool {
		answer, err := http.Get("http://" + s.http + "/")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	})
	took := time.Since(began)
	soon(t, "the modem", func() bool {
		status, _ := omsbox(t, "", "get", "-data", s.data, "status")
		return strings.Contains(status, "sim: ready")
	})
	memory := "not measured on this system"
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid.Load())); err == nil {
		var kB int
		_, rest, _ := strings.Cut(string(text), "VmRSS:")
		_, err := fmt.Sscan(rest, &kB)
		check(t, err)
		if memory = fmt.Sprintf("%d MB", kB/1024); kB > 40*1024 {
			t.Errorf("it takes %s", memory)
		}
	}
	if took > time.Second {
		t.Errorf("it served after %v", took)
	}
	t.Logf("it served after %v and takes %s", took.Round(time.Millisecond), memory)
	s.interrupt(t)
	<-ended
}

// service is omsbox as a process of its own that can be killed, between a simulated network, a
// relay and clients that live on in this one.
type service struct {
	file, data, http string
	ways             []string // flags that say how people come in
	environ          []string // what its environment has beside that of the tests, as NAME=value
	sim              *simulator.Simulator
	modem            string // where the simulated modem's port is; several are separated by commas
	pid              atomic.Int64
	kills            map[string]int // by the moment at which it was killed

	mu    sync.Mutex
	armed string // the moment at which it is to be killed next; "" for none
}

// newService returns a service that has not been started, with a directory and a port of its own.
func newService(t testing.TB) *service {
	t.Helper()
	file, err := program()
	check(t, err)
	reserve, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer reserve.Close()
	at := reserve.Addr().String()
	return &service{file: file, data: t.TempDir(), http: at, ways: []string{"-tls", "off", "-http", at}, kills: map[string]int{}}
}

// interrupt ends the process as Ctrl-C does.
func (s *service) interrupt(t testing.TB) {
	t.Helper()
	p, err := os.FindProcess(int(s.pid.Load()))
	check(t, err)
	check(t, p.Signal(os.Interrupt))
}

// moment kills the process if it is armed for this moment.
func (s *service) moment(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed != name {
		return
	}
	s.armed = ""
	s.kills[name]++
	if p, err := os.FindProcess(int(s.pid.Load())); err == nil {
		p.Kill()
	}
}

func (s *service) arm(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = name
}

// start starts the process and returns what is closed when it has ended.
func (s *service) start(t testing.TB) <-chan struct{} {
	t.Helper()
	args := append([]string{"serve", "-data", s.data}, s.ways...)
	for _, device := range strings.Split(s.modem, ",") {
		args = append(args, "-modem", device)
	}
	cmd := exec.Command(s.file, args...)
	cmd.Stderr, cmd.Env = new(bytes.Buffer), append(cmd.Environ(), s.environ...)
	check(t, cmd.Start())
	s.pid.Store(int64(cmd.Process.Pid))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code > 0 {
			t.Errorf("omsbox ended with status %d: %s", code, cmd.Stderr)
		}
	}()
	return ended
}

// relayConn watches what a relay answers: it may be the last that the client hears.
type relayConn struct {
	net.Conn
	service *service
	data    bool
}

func (c *relayConn) Write(p []byte) (int, error) {
	switch {
	case bytes.HasPrefix(p, []byte("354")):
		c.data = true
		c.service.moment("a mail is about to be handed over")
	case c.data && bytes.HasPrefix(p, []byte("250")):
		c.data = false
		c.service.moment("the relay took a mail and did not say so")
		n, err := c.Conn.Write(p)
		c.service.moment("the relay said that it took a mail")
		return n, err
	}
	return c.Conn.Write(p)
}

type relayListener struct {
	net.Listener
	service *service
}

func (l relayListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &relayConn{Conn: c, service: l.service}, nil
}

// moments are the points of the story at which the process is killed, in turn: one at least
// between every two states of a delivery, an incoming text and a mail.
var moments = []string{
	"omsbox starts",
	"a request is under way",
	"a request was answered",
	"AT+CMGS comes in",
	"the modem asks for the PDU",
	"the modem has the PDU",
	"the SMSC has the message",
	"the modem said that it was sent",
	"a text comes in",
	"the modem lists its texts",
	"a text is about to be deleted",
	"a mail is about to be handed over",
	"the relay took a mail and did not say so",
	"the relay said that it took a mail",
	"any",
}

var kills = flag.Int("kills", 2*len(moments), "how often TestKill kills the service")

// TestKill kills the service over and over while texts go both ways. Nothing that was accepted may
// be lost, and nothing may go out twice. (It shows nothing about a power cut: what the kernel has,
// a killed process does not take away. That SQLite syncs is told to it, and tested in store.)
func TestKill(t *testing.T) {
	t.Parallel()
	s := newService(t)

	// The simulated network.
	s.sim = simulator.New(simulator.Options{ReportDelay: 5 * time.Millisecond})
	defer s.sim.Close()
	s.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
		switch {
		case m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGS"):
			s.moment("AT+CMGS comes in")
		case m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGL"):
			s.moment("the modem lists its texts")
		case m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGD"):
			s.moment("a text is about to be deleted")
		case m.Point == simulator.AtPrompt:
			s.moment("the modem asks for the PDU")
		case m.Point == simulator.AtPDU:
			s.moment("the modem has the PDU")
		case m.Point == simulator.AtResult:
			s.moment("the SMSC has the message")
			time.AfterFunc(2*time.Millisecond, func() { s.moment("the modem said that it was sent") })
		case m.Point == simulator.AtDeliver:
			s.moment("a text comes in")
		}
		return simulator.Fault{}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s.modem = "tcp://" + port.Addr().String()
	var behind sync.WaitGroup
	defer behind.Wait()
	defer cancel()
	behind.Go(func() { s.sim.Serve(ctx, port) })

	// The relay.
	mailbox := mailer.NewMailbox(slog.New(slog.DiscardHandler))
	post, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	behind.Go(func() { mailbox.Serve(ctx, relayListener{post, s}) })
	mails := map[string]map[string]int{} // how often each text came, by Message-ID
	var notices []string                 // that a text may not have arrived
	taken := 0
	collect := func() {
		for _, m := range mailbox.Mails() {
			if m.ID <= taken {
				continue
			}
			taken = m.ID
			if !strings.HasPrefix(m.Text, "reply-") {
				notices = append(notices, m.Text)
				continue
			}
			text, _, _ := strings.Cut(strings.TrimSpace(m.Text), " ")
			if mails[text] == nil {
				mails[text] = map[string]int{}
			}
			for _, h := range m.Headers {
				if h.Name == "Message-ID" {
					mails[text][h.Value]++
				}
			}
		}
	}
	setup, err := store.Create(ctx, s.data, slog.New(slog.DiscardHandler), cheap)
	check(t, err)
	_, err = setup.AddUser(ctx, store.User{Login: "anna", Mail: "anna@example.org"}, "secret")
	check(t, err)
	for key, value := range map[string]string{"mail.relay": "smtp://" + post.Addr().String(), "mail.catch-all": "anna", "oms.wait": "100ms"} {
		check(t, setup.Set(ctx, key, value))
	}
	check(t, setup.Close())

	// A client that repeats each request until it is answered, and phones that answer.
	numbers := []string{"+447911000001", "+447911000002", "+447911000003"}
	wanted := map[string][]string{} // the recipients of each accepted text, by its first word
	var accepting sync.WaitGroup
	stop := make(chan struct{})
	accepting.Go(func() {
		client := &http.Client{Timeout: 10 * time.Second}
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
			}
			id, to := fmt.Sprintf("text-%06d", i), numbers[:1+i%len(numbers)]
			request := oms.DeliverRequest("anna", "secret", strings.TrimSpace(strings.Repeat(id+" ", 1+i%4*12)), to...)
			for {
				time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { s.moment("a request is under way") })
				r, err := http.NewRequest(http.MethodPost, "http://"+s.http+web.OMSPath, strings.NewReader(request))
				check(t, err)
				answer, err := client.Do(r)
				if err == nil {
					var body []byte
					body, err = io.ReadAll(answer.Body)
					answer.Body.Close()
					if err == nil && !strings.Contains(string(body), accepted) {
						t.Errorf("the answer to %s is %s", id, body)
					}
				}
				if err == nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			s.moment("a request was answered")
			wanted[id] = to
		}
	})
	replies := 0
	accepting.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(20+rand.IntN(60)) * time.Millisecond):
			}
			from := s.sim.Phone(numbers[replies%len(numbers)])
			text := fmt.Sprintf("reply-%06d", replies)
			if replies%3 == 0 {
				check(t, from.SendParts(text+strings.Repeat(" and more of it", 15), 2, 1))
			} else {
				check(t, from.Send(text))
			}
			replies++
		}
	})

	// The killing.
	for n := range *kills {
		name := moments[n%len(moments)]
		ended := s.start(t)
		switch name {
		case "omsbox starts":
			s.arm(name)
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			s.moment(name)
		case "any":
			s.arm(name)
			time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
			s.moment(name)
		default:
			time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
			s.arm(name)
		}
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Fatalf("it never came to the moment when %s", name)
		}
		collect()
	}

	// The last run is left alone until all is done.
	ended := s.start(t)
	soon(t, "a request to be answered", func() bool {
		answer, err := http.Get("http://" + s.http + "/")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	})
	close(stop)
	accepting.Wait()
	beside, err := store.Open(ctx, s.data, slog.New(slog.DiscardHandler))
	check(t, err)
	defer beside.Close()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		collect()
		b, err := beside.Backlog(ctx)
		check(t, err)
		new, err := beside.Unrouted(ctx)
		check(t, err)
		if b.Queued+b.Sending+b.MailQueued+len(new) == 0 && len(mails["reply-"+fmt.Sprintf("%06d", replies-1)]) > 0 {
			break
		}
		if time.Now().After(deadline) {
			status, _ := beside.Status(ctx)
			t.Fatalf("it does not come to an end:\n%s", status)
		}
	}
	collect()
	s.interrupt(t)
	<-ended

	// The counting: each segment of each accepted text at the SMSC.
	type segment struct {
		to, text string
		seq      byte
	}
	at := map[segment]int{}
	named := regexp.MustCompile(`text-\d{6}`)
	for _, got := range s.sim.Submitted() {
		at[segment{got.To, named.FindString(got.Text), got.Concat.Seq}]++
	}
	twice, lost, unconfirmed, sent := 0, 0, 0, 0
	for which, n := range at {
		if n > 1 {
			twice++
			t.Errorf("segment %+v was sent %d times", which, n)
		}
		if wanted[which.text] == nil {
			t.Errorf("%q was sent, and nobody was told that it was accepted", which.text)
		}
	}
	for message := int64(1); ; message++ {
		deliveries, err := beside.Deliveries(ctx, message)
		check(t, err)
		if len(deliveries) == 0 {
			break
		}
		parts, err := beside.Text(ctx, message)
		check(t, err)
		id, _, _ := strings.Cut(parts[0], " ")
		to := wanted[id]
		if len(to) != len(deliveries) {
			t.Errorf("message %d, %q, has %d deliveries for %d recipients", message, id, len(deliveries), len(to))
		}
		delete(wanted, id)
		for _, d := range deliveries {
			switch d.State {
			case store.Unconfirmed:
				unconfirmed++
				if !slices.ContainsFunc(notices, func(text string) bool {
					return strings.Contains(text, id) && strings.Contains(text, d.Recipient)
				}) {
					t.Errorf("nobody was told that it is not known whether %s reached %s", id, d.Recipient)
				}
			case store.Sent, store.Delivered:
				sent++
				for seq := 1; seq <= (sms.Coding{}).Segments(parts[0]); seq++ {
					which := segment{d.Recipient, id, byte(seq)}
					if (sms.Coding{}).Segments(parts[0]) == 1 {
						which.seq = 0
					}
					if at[which] == 0 {
						lost++
						t.Errorf("segment %+v is %s and was never sent", which, d.State)
					}
				}
			default:
				t.Errorf("delivery %+v is not settled", d)
			}
		}
	}
	for id := range wanted {
		lost++
		t.Errorf("%s was accepted and is nowhere", id)
	}
	again := 0
	for n := range replies {
		text := fmt.Sprintf("reply-%06d", n)
		switch ids := mails[text]; {
		case len(ids) == 0:
			lost++
			t.Errorf("%s never became a mail", text)
		case len(ids) > 1:
			twice++
			t.Errorf("%s became %d mails", text, len(ids))
		default:
			for _, n := range ids {
				again += n - 1
			}
		}
	}
	if again > *kills {
		t.Errorf("%d mails were handed to the relay again after %d kills", again, *kills)
	}
	t.Logf("%d kills: %v", *kills, s.kills)
	t.Logf("%d deliveries sent and %d unconfirmed, %d replies mailed: lost %d, sent twice %d; handed to the relay again under the same Message-ID %d",
		sent, unconfirmed, replies, lost, twice, again)
}

var (
	soak = flag.Duration("soak", 0, "how long TestSoak lets all that can go wrong happen at random; 0: it is not run")
	seed = flag.Uint64("seed", 0, "what TestSoak draws its faults from; 0: anything")
)

// soaking is the world of TestSoak: the service with three modems, each with a network of its own,
// people who write and phones that answer.
type soaking struct {
	*service
	sims    []*simulator.Simulator
	mailbox *mailer.Mailbox
	over    chan struct{} // closed: nobody writes any more

	mu      sync.Mutex
	texts   map[string]soaked         // that were accepted, by their first word
	refused map[string]bool           // by first word and number: a network said so, for good
	replies map[string]int            // how often a mail with that text came, and
	ids     map[string]map[string]int // under which Message-IDs
	notices []string
	faults  int
}

// soaked is a text that was accepted.
type soaked struct {
	text, user string
	n          int // of the user
	to         []string
}

var writers = []string{"ann", "bob", "cid", "dot"}

// TestSoak lets a network, three modems and the computer fail at random while texts go both ways: at
// the end every one of them is accounted for. Its flags say for how long, and with which faults.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		return
	}
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d", *seed)
	chance := rand.New(rand.NewPCG(*seed, 0))
	s := &soaking{service: newService(t), mailbox: mailer.NewMailbox(slog.New(slog.DiscardHandler)), over: make(chan struct{}),
		texts: map[string]soaked{}, refused: map[string]bool{}, replies: map[string]int{}, ids: map[string]map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	var behind sync.WaitGroup
	defer behind.Wait()
	defer cancel()
	var devices []string
	for i := range 3 {
		sim := simulator.New(simulator.Options{IMSI: fmt.Sprintf("00101012345678%d", i), ReportDelay: 5 * time.Millisecond, History: 1_000_000})
		defer sim.Close()
		sim.Misbehave(s.chaos(rand.New(rand.NewPCG(*seed, uint64(i+1)))))
		port, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		behind.Go(func() { sim.Serve(ctx, port) })
		s.sims, devices = append(s.sims, sim), append(devices, "tcp://"+port.Addr().String())
	}
	s.modem = strings.Join(devices, ",")
	post, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	behind.Go(func() { s.mailbox.Serve(ctx, post) })
	behind.Go(func() { s.collect(ctx) })
	setup, err := store.Create(ctx, s.data, slog.New(slog.DiscardHandler), cheap)
	check(t, err)
	for _, login := range writers {
		_, err = setup.AddUser(ctx, store.User{Login: login, Mail: login + "@example.org"}, "secret")
		check(t, err)
	}
	for key, value := range map[string]string{"mail.relay": "smtp://" + post.Addr().String(), "mail.catch-all": "ann", "oms.wait": "50ms"} {
		check(t, setup.Set(ctx, key, value))
	}
	check(t, setup.Close())

	// All that happens at the same time.
	var people sync.WaitGroup
	for i, login := range writers {
		people.Go(func() { s.writes(t, login, rand.New(rand.NewPCG(*seed, uint64(10+i)))) })
	}
	sent := make([]int, len(s.sims))
	for i, sim := range s.sims {
		people.Go(func() { sent[i] = s.answers(t, i, sim, rand.New(rand.NewPCG(*seed, uint64(20+i)))) })
	}
	end := time.After(*soak)
	killed, pulled := 0, 0
	ended := s.start(t)
	for going := true; going; {
		var pull, kill <-chan time.Time
		if chance.IntN(2) == 0 {
			pull = time.After(time.Duration(chance.IntN(20)) * time.Second)
		} else {
			kill = time.After(time.Duration(chance.IntN(30000)) * time.Millisecond)
		}
		select {
		case <-end:
			going = false
		case <-pull:
			sim := s.sims[chance.IntN(len(s.sims))]
			sim.Unplug()
			time.AfterFunc(time.Duration(chance.IntN(5000))*time.Millisecond, sim.Plug)
			pulled++
		case <-kill:
			s.arm("soak")
			s.moment("soak")
			killed++
			<-ended
			ended = s.start(t)
		case <-ended:
			t.Fatal("the service ended by itself")
		}
	}
	for _, sim := range s.sims {
		sim.Misbehave(nil)
		sim.Mend()
		sim.Plug()
	}
	close(s.over)
	people.Wait()
	wanted := 0
	for _, n := range sent {
		wanted += n
	}

	// The rest comes to its end.
	beside, err := store.Open(ctx, s.data, slog.New(slog.DiscardHandler))
	check(t, err)
	defer beside.Close()
	for deadline := time.Now().Add(15 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		b, err := beside.Backlog(ctx)
		check(t, err)
		s.mu.Lock()
		mailed := len(s.ids)
		s.mu.Unlock()
		due, waits, err := beside.MailDue(ctx)
		check(t, err)
		waits = waits && due < time.Hour // of what cannot be read one mail a day tells
		if b.Queued+b.Sending == 0 && !waits && mailed >= wanted {
			break
		}
		if time.Now().After(deadline) {
			status, _ := beside.Status(ctx)
			t.Errorf("it does not come to an end; %d of %d texts from phones were mailed:\n%s", mailed, wanted, status)
			break
		}
	}
	time.Sleep(time.Second) // what nobody waits for may still do harm
	s.interrupt(t)
	<-ended
	out := s.countSent(t, beside)
	in := s.countReceived(t, sent)
	t.Logf("%v, -seed %d: %d faults, %d times unplugged, %d times killed; %s; %s", *soak, *seed, s.faults, pulled, killed, out, in)
}

// chaos draws what goes wrong with one modem.
func (s *soaking) chaos(chance *rand.Rand) func(simulator.Moment) simulator.Fault {
	cures := []simulator.Cure{simulator.ByRestart, simulator.ByReopen, simulator.ByCFUN, simulator.ByInit, simulator.ByEscape, simulator.ByAttention}
	noise := []string{"RING", "NO CARRIER", "^RSSI: 12", "^BOOT:35323129,0,0,0,26", "+CREG: 1", "UNDER-VOLTAGE WARNNING",
		`+CMTI: "SM",19`, "+CDS: 25", "~"}
	ms := func(most int) time.Duration { return time.Duration(chance.IntN(most)) * time.Millisecond }
	// Each kind has its share of ten thousand moments. What makes the modem keep silent is seldom: it
	// costs minutes.
	kinds := []struct {
		points []simulator.Point
		share  int
		fault  func(simulator.Moment) simulator.Fault
	}{
		{[]simulator.Point{simulator.AtCommand, simulator.AtPrompt, simulator.AtPDU, simulator.AtResult}, 3,
			func(simulator.Moment) simulator.Fault { return simulator.Fault{HangUp: true} }},
		{[]simulator.Point{simulator.AtCommand, simulator.AtPrompt, simulator.AtPDU, simulator.AtResult}, 2,
			func(simulator.Moment) simulator.Fault { return simulator.Fault{Drop: true, Away: ms(3000)} }},
		{[]simulator.Point{simulator.AtCommand, simulator.AtPDU, simulator.AtResult}, 200, func(simulator.Moment) simulator.Fault {
			return simulator.Fault{URCs: []string{noise[chance.IntN(len(noise))]}}
		}},
		{[]simulator.Point{simulator.AtCommand}, 3, func(simulator.Moment) simulator.Fault {
			return simulator.Fault{Cuts: []simulator.Cut{{Of: simulator.Direction(chance.IntN(2)), After: chance.IntN(300), Lose: 1 + chance.IntN(3)}}}
		}},
		{[]simulator.Point{simulator.AtCommand}, 3, func(simulator.Moment) simulator.Fault {
			return simulator.Fault{Cuts: []simulator.Cut{{After: chance.IntN(300), Say: noise[chance.IntN(len(noise))]}}}
		}},
		{[]simulator.Point{simulator.AtCommand}, 20, func(simulator.Moment) simulator.Fault {
			return simulator.Fault{Cuts: []simulator.Cut{{After: chance.IntN(100), Pause: ms(2000)}}}
		}},
		{[]simulator.Point{simulator.AtPrompt}, 100, func(simulator.Moment) simulator.Fault {
			return simulator.Fault{Prompt: []string{"\r\n>", ">", "\r\n>\r\n", "\r\nRING\r\n\r\n> "}[chance.IntN(4)]}
		}},
		{[]simulator.Point{simulator.AtPrompt, simulator.AtPDU}, 20, func(simulator.Moment) simulator.Fault {
			return simulator.Fault{Answer: []string{"+CMS ERROR: 38", "+CMS ERROR: 42", "+CMS ERROR: 500", "+CMS ERROR: 331",
				"+CME ERROR: 515"}[chance.IntN(5)]}
		}},
		{[]simulator.Point{simulator.AtPDU}, 10, func(m simulator.Moment) simulator.Fault {
			if part, err := sms.ParseSubmit(m.TPDU); err == nil {
				s.mu.Lock()
				s.refused[firstWord.FindString(part.Text)+" "+part.To] = true
				s.mu.Unlock()
			}
			return simulator.Fault{Answer: "+CMS ERROR: 28"}
		}},
		{[]simulator.Point{simulator.AtResult}, 30, func(simulator.Moment) simulator.Fault { return simulator.Fault{Late: ms(3000)} }},
		{[]simulator.Point{simulator.AtResult}, 300, func(simulator.Moment) simulator.Fault { return simulator.Fault{Early: true} }},
		{[]simulator.Point{simulator.AtResult}, 1, func(simulator.Moment) simulator.Fault { return simulator.Fault{Lose: true} }},
		{[]simulator.Point{simulator.AtCommand}, 5, func(m simulator.Moment) simulator.Fault {
			if strings.HasPrefix(m.Line, "AT+CMGD") || strings.HasPrefix(m.Line, "AT+CMGL") || strings.HasPrefix(m.Line, "AT+CPMS") {
				return simulator.Fault{Answer: "+CMS ERROR: 314"}
			}
			return simulator.Fault{}
		}},
		{[]simulator.Point{simulator.AtCommand, simulator.AtPDU, simulator.AtResult}, 1, func(simulator.Moment) simulator.Fault {
			return simulator.Fault{Hang: true, Cure: cures[chance.IntN(len(cures))], For: time.Minute}
		}},
		{[]simulator.Point{simulator.AtDeliver}, 200, func(simulator.Moment) simulator.Fault { return simulator.Fault{Twice: true} }},
		{[]simulator.Point{simulator.AtDeliver}, 100, func(simulator.Moment) simulator.Fault { return simulator.Fault{Again: ms(5000)} }},
	}
	return func(m simulator.Moment) simulator.Fault {
		draw := chance.IntN(10_000)
		for _, k := range kinds {
			if !slices.Contains(k.points, m.Point) {
				continue
			}
			if draw -= k.share; draw < 0 {
				s.mu.Lock()
				s.faults++
				s.mu.Unlock()
				return k.fault(m)
			}
		}
		return simulator.Fault{}
	}
}

// firstWord is what TestSoak knows a text by, even by one segment of it.
var firstWord = regexp.MustCompile(`[a-z]{3}-\d{6}`)

// phoneNumber is one of the phones that take part.
func phoneNumber(n int) string { return fmt.Sprintf("+44791100%04d", n) }

const phones = 12

// writes is a person with Outlook, who repeats each request until it is answered.
func (s *soaking) writes(t *testing.T, login string, chance *rand.Rand) {
	client := &http.Client{Timeout: 20 * time.Second}
	for n := 0; ; n++ {
		select {
		case <-s.over:
			return
		case <-time.After(time.Duration(chance.IntN(100)) * time.Millisecond):
		}
		id := fmt.Sprintf("%s-%06d", login, n)
		size := 1
		if chance.IntN(6) == 0 {
			size = 15 + 5*chance.IntN(6) // in each segment of it the first word is whole somewhere
		}
		text := soaked{text: strings.TrimSpace(strings.Repeat(id+" ", size)), user: login, n: n}
		for _, i := range chance.Perm(phones)[:1+chance.IntN(3)] {
			text.to = append(text.to, phoneNumber(i))
		}
		request := oms.DeliverRequest(login, "secret", text.text, text.to...)
		for {
			r, err := http.NewRequest(http.MethodPost, "http://"+s.http+web.OMSPath, strings.NewReader(request))
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := client.Do(r)
			if err == nil {
				var body []byte
				body, err = io.ReadAll(answer.Body)
				answer.Body.Close()
				if err == nil && !strings.Contains(string(body), accepted) && !s.isRefused(text) {
					t.Errorf("the answer to %s is %s", id, body)
				}
			}
			if err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		s.mu.Lock()
		s.texts[id] = text
		s.mu.Unlock()
	}
}

// isRefused says whether a network refused a text for good for one of its recipients: then the
// answer may tell.
func (s *soaking) isRefused(text soaked) bool {
	id := firstWord.FindString(text.text)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(text.to, func(number string) bool { return s.refused[id+" "+number] })
}

// answers are the phones of one network. It returns how many texts they sent.
func (s *soaking) answers(t *testing.T, network int, sim *simulator.Simulator, chance *rand.Rand) int {
	for n := 0; ; n++ {
		select {
		case <-s.over:
			return n
		case <-time.After(time.Duration(chance.IntN(100)) * time.Millisecond):
		}
		from, text := sim.Phone(phoneNumber(chance.IntN(phones))), replyOf(network, n)
		var err error
		if chance.IntN(6) == 0 {
			err = from.SendParts(text+strings.Repeat(" and more of it", 15), 2, 1)
		} else {
			err = from.Send(text)
		}
		if err != nil {
			t.Error(err)
			return n
		}
	}
}

func replyOf(network, n int) string { return fmt.Sprintf("reply-%d-%06d", network, n) }

// collect reads the mails as they come.
func (s *soaking) collect(ctx context.Context) {
	changed, stop := s.mailbox.Watch()
	defer stop()
	for last := 0; ; {
		for _, m := range s.mailbox.Mails() {
			if m.ID <= last {
				continue
			}
			last = m.ID
			s.mu.Lock()
			text := strings.TrimSpace(m.Text)
			if word, _, _ := strings.Cut(text, " "); !strings.HasPrefix(word, "reply-") {
				s.notices = append(s.notices, m.Text)
			} else if want := word + strings.Repeat(" and more of it", 15); text != word && text != want {
				s.replies["wrong "+text]++
			} else {
				if s.ids[word] == nil {
					s.ids[word] = map[string]int{}
				}
				for _, h := range m.Headers {
					if h.Name == "Message-ID" {
						s.ids[word][h.Value]++
					}
				}
			}
			s.mu.Unlock()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// countSent holds what the networks took against what the store says of each text.
func (s *soaking) countSent(t *testing.T, beside *store.Store) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	type segment struct {
		to, id string
		seq    byte
	}
	taken := map[segment]int{}
	var all []simulator.Submission
	whole := map[string]int{} // how often a phone shows a text, by number and text
	for _, sim := range s.sims {
		all = append(all, sim.Submitted()...)
		for i := range phones {
			for _, text := range sim.Phone(phoneNumber(i)).Inbox() {
				whole[text.To+" "+text.Text]++
			}
		}
	}
	slices.SortStableFunc(all, func(a, b simulator.Submission) int { return a.Time.Compare(b.Time) })
	lost, twice, astray, wrong, disorder, untold := 0, 0, 0, 0, 0, 0
	note := func(count *int, format string, args ...any) {
		if *count++; *count <= 10 {
			t.Errorf(format, args...)
		}
	}
	type pair struct{ user, to string }
	newest := map[pair]soaked{}
	part := map[pair]byte{}
	for _, got := range all {
		id := firstWord.FindString(got.Text)
		which := segment{got.To, id, got.Concat.Seq}
		text, known := s.texts[id]
		switch taken[which]++; {
		case taken[which] > 1:
			note(&twice, "segment %+v was sent %d times", which, taken[which])
			continue
		case !known:
			note(&wrong, "%q was sent, and nobody was told that it was accepted", got.Text)
			continue
		case !slices.Contains(text.to, got.To):
			note(&astray, "%s went to %s", id, got.To)
			continue
		case !strings.Contains(text.text, strings.TrimSpace(got.Text)):
			note(&wrong, "%q is no part of %s", got.Text, id)
		}
		p := pair{text.user, got.To}
		if before := newest[p]; text.n < before.n || text.n == before.n && part[p] > got.Concat.Seq {
			note(&disorder, "%s, segment %d, went to %s after %s, segment %d", id, got.Concat.Seq, got.To, firstWord.FindString(before.text), part[p])
		}
		newest[p], part[p] = text, got.Concat.Seq
	}
	states := map[store.State]int{}
	accounted := map[string]bool{}
	for message := int64(1); ; message++ {
		deliveries, err := beside.Deliveries(context.Background(), message)
		check(t, err)
		if len(deliveries) == 0 {
			break
		}
		parts, err := beside.Text(context.Background(), message)
		check(t, err)
		id := firstWord.FindString(parts[0])
		text := s.texts[id]
		accounted[id] = true
		if len(text.to) != len(deliveries) {
			note(&wrong, "message %d, %s, has %d deliveries for %d recipients", message, id, len(deliveries), len(text.to))
		}
		total := (sms.Coding{}).Segments(parts[0])
		for _, d := range deliveries {
			states[d.State]++
			missing := 0
			for seq := 1; seq <= total; seq++ {
				which := segment{d.Recipient, id, byte(seq)}
				if total == 1 {
					which.seq = 0
				}
				if taken[which] == 0 {
					missing++
				}
			}
			told := slices.ContainsFunc(s.notices, func(text string) bool {
				return strings.Contains(text, id) && strings.Contains(text, d.Recipient)
			})
			shown := whole[d.Recipient+" "+parts[0]]
			switch {
			case !d.Settled():
				note(&lost, "%s to %s is not settled: %s, %s", id, d.Recipient, d.State, d.Reason)
			case (d.State == store.Sent || d.State == store.Delivered) && (missing > 0 || shown == 0):
				note(&lost, "%s to %s is %s, but %d of %d segments never left, and the phone shows it %d times", id, d.Recipient, d.State, missing, total, shown)
			case d.State == store.Unconfirmed && !told:
				note(&untold, "nobody was told that it is not known whether %s reached %s", id, d.Recipient)
			case d.Lost() && !s.refused[id+" "+d.Recipient]:
				note(&lost, "%s to %s is %s, and no network refused it: %s", id, d.Recipient, d.State, d.Reason)
			case shown > 1:
				note(&twice, "%s shows %s %d times", d.Recipient, id, shown)
			}
		}
	}
	for id := range s.texts {
		if !accounted[id] {
			note(&lost, "%s was accepted and is nowhere", id)
		}
	}
	if *soak > time.Minute && states[store.Unconfirmed] == 0 {
		t.Error("nothing is in doubt: that cannot be, with so many faults")
	}
	return fmt.Sprintf("out: %d delivered, %d sent, %d failed, %d unconfirmed, %d expired; lost %d, twice %d, wrong "+
		"number %d, wrong text %d, out of order %d, untold %d",
		states[store.Delivered], states[store.Sent], states[store.Failed], states[store.Unconfirmed], states[store.Expired],
		lost, twice, astray, wrong, disorder, untold)
}

// countReceived holds the mails against what the phones sent.
func (s *soaking) countReceived(t *testing.T, sent []int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	mailed, lost, twice, again := 0, 0, 0, 0
	for network, n := range sent {
		for i := range n {
			switch ids := s.ids[replyOf(network, i)]; len(ids) {
			case 0:
				if lost++; lost <= 10 {
					t.Errorf("%s never became a mail", replyOf(network, i))
				}
			case 1:
				mailed++
				for _, n := range ids {
					again += n - 1
				}
			default:
				if twice++; twice <= 10 {
					t.Errorf("%s became %d mails", replyOf(network, i), len(ids))
				}
			}
		}
	}
	for text := range s.replies {
		t.Error(text)
	}
	return fmt.Sprintf("in: %d mailed, lost %d, twice %d, wrong text %d; mailed again under the same Message-ID %d",
		mailed, lost, twice, len(s.replies), again)
}

// BenchmarkMemory measures the most memory that the service ever takes while it drains 100,000 queued
// messages over a modem in another process: 50 MB at most.
func BenchmarkMemory(b *testing.B) {
	const messages, wanted = 100_000, 50 * 1024
	for range b.N {
		s := newService(b)
		sim := simulator.New(simulator.Options{ReportDelay: 1000 * time.Hour})
		defer sim.Close()
		ctx, cancel := context.WithCancel(b.Context())
		port, err := net.Listen("tcp", "127.0.0.1:0")
		check(b, err)
		var behind sync.WaitGroup
		defer behind.Wait()
		defer cancel()
		behind.Go(func() { sim.Serve(ctx, port) })
		s.modem = "tcp://" + port.Addr().String()
		setup, err := store.Create(ctx, s.data, slog.New(slog.DiscardHandler), cheap)
		check(b, err)
		var writers sync.WaitGroup
		for w := range 100 { // so that they share commits
			writers.Go(func() {
				for i := w; i < messages; i += 100 {
					if _, _, err := setup.Enqueue(ctx, store.Message{Source: store.SourceCommand, Parts: []string{fmt.Sprint("text ", i)},
						To: []store.Recipient{{Number: fmt.Sprintf("+4479%08d", i)}}}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		writers.Wait()
		check(b, setup.Close())
		ended := s.start(b)
		began := time.Now()
		for deadline := time.Now().Add(10 * time.Minute); sim.Count() < messages; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				b.Fatalf("%d of %d left", sim.Count(), messages)
			}
		}
		took := time.Since(began)
		var kB int
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid.Load()))
		check(b, err)
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		_, err = fmt.Sscan(rest, &kB)
		check(b, err)
		s.interrupt(b)
		<-ended
		b.ReportMetric(float64(kB)/1024, "MB")
		b.ReportMetric(messages/took.Seconds(), "segments/s")
		b.ReportMetric(0, "ns/op")
		if kB > wanted {
			b.Errorf("it took %d MB", kB/1024)
		}
	}
}
