package oms_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"omsbox/oms"
	"omsbox/store"
)

func TestWhoSignsInWithWhichPassword(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := b.AddUser(t.Context(), store.User{Login: "root", Admin: true}, "mypwd")
	check(t, err)
	ofMyname, err := b.AddAppPassword(t.Context(), "myname", "Outlook")
	check(t, err)
	ofRoot, err := b.AddAppPassword(t.Context(), "root", "Outlook")
	check(t, err)
	service := oms.New(b.Store, slog.New(slog.NewTextHandler(b.log, nil)))
	const (
		taken   = `<error code="ok" severity="neutral" />`
		refused = `<error code="invalidUser" severity="failure" />`
		told    = `<error code="invalidUser" severity="failure"><content>An administrator signs in here with an app password: ` +
			`omsbox user app-password ID makes one.</content></error>`
	)
	for n, c := range []struct {
		name, login, password string
		deliver, user         string // what each operation answers
		old                   string // what both answer over an old connection
	}{
		{"a user's own", "myname", "mypwd", taken, taken, refused},
		{"a user's app password", "myname", ofMyname, taken, taken, taken},
		{"a user's own, by the mail address", "Ann@example.org", "mypwd", taken, taken, refused},
		{"a user's own, by the number", "07911 000001", "mypwd", taken, taken, refused},
		{"a user's app password, by the number", "+44 7911 000001", ofMyname, taken, taken, taken},
		{"an administrator's own", "root", "mypwd", told, refused, refused}, // a userInfo can tell a code alone
		{"an administrator's app password", "root", strings.ToUpper(ofRoot), taken, taken, taken},
		{"another's app password", "myname", ofRoot, refused, refused, refused},
		{"a wrong one for an administrator", "root", "wrong", refused, refused, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			deliver := oms.DeliverRequest(c.login, c.password, "Hello", "+447911123456")
			user := envelope("GetUserInfo", "xmsUser", `<xmsUser client="Microsoft Office Outlook 14.0" xmlns="`+namespace+`"><userId>`+c.login+
				`</userId><password>`+c.password+`</password></xmsUser>`)
			for _, of := range []struct {
				name, operation, body, want string
				handler                     http.Handler
			}{
				{"DeliverXms", "DeliverXms", deliver, c.deliver, service},
				{"GetUserInfo", "GetUserInfo", user, c.user, service},
				{"DeliverXms, old", "DeliverXms", deliver, c.old, service.OldPrograms()},
				{"GetUserInfo, old", "GetUserInfo", user, c.old, service.OldPrograms()},
			} {
				b.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.RemoteAddr = fmt.Sprintf("198.51.100.%d:50000", n) // of its own: no pause of others
					of.handler.ServeHTTP(w, r)
				})
				if got := inner(t, b.post(t, of.body), of.operation); !strings.Contains(got, of.want) {
					t.Errorf("%s: got %s, want %s", of.name, got, of.want)
				}
			}
		})
	}
	for _, secret := range []string{"mypwd", ofMyname, ofRoot, strings.ToUpper(ofRoot)} {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("a password is in the log")
		}
	}
}

func TestServiceUriHasTheSchemeThatTheClientUsed(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for _, c := range []struct {
		name, scheme string // as the listener told it
		tls          bool   // of the connection that reached us
		want         string
	}{
		{"TLS that a proxy ends", "https", false, "https://box/oms/service.asmx"},
		{"plain to a proxy that uses TLS", "http", true, "http://box/oms/service.asmx"},
		{"TLS, and nothing told", "", true, "https://box/oms/service.asmx"},
		{"plain, and nothing told", "", false, "http://box/oms/service.asmx"},
		{"no scheme of the web", "javascript", true, "https://box/oms/service.asmx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oms/service.asmx?wsdl", nil)
			r.Host, r.URL.Scheme = "box", c.scheme
			if c.tls {
				r.TLS = &tls.ConnectionState{}
			}
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, r)
			answer, err := io.ReadAll(w.Result().Body)
			check(t, err)
			if !strings.Contains(string(answer), `location="`+c.want+`"`) {
				t.Errorf("got %s, want %s", answer, c.want)
			}
		})
	}
}
