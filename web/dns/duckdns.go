package dns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/libdns/libdns"
)

// DuckDNS is www.duckdns.org. It has one TXT record for each of its domains and all that is below it,
// so that one name at a time can be proved.
type DuckDNS struct {
	URL   string // of the service
	token string
	turn  chan struct{} // full while the record is in use
}

func newDuckDNS(token string) *DuckDNS {
	return &DuckDNS{URL: "https://www.duckdns.org", token: token, turn: make(chan struct{}, 1)}
}

// AppendRecords sets the record, when the one before is gone.
func (d *DuckDNS) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return each(ctx, zone, records, func(ctx context.Context, _, name, value string) error {
		select {
		case d.turn <- struct{}{}:
		case <-ctx.Done():
			return &Error{"DuckDNS", errors.New("its one TXT record is in use for another name")}
		}
		err := d.update(ctx, name, url.Values{"txt": {value}})
		if err != nil {
			<-d.turn
		}
		return err
	})
}

// DeleteRecords clears the record.
func (d *DuckDNS) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return each(ctx, zone, records, func(ctx context.Context, _, name, value string) error {
		defer func() {
			select {
			case <-d.turn:
			default: // it was not in use
			}
		}()
		return d.update(ctx, name, url.Values{"txt": {value}, "clear": {"true"}})
	})
}

func (d *DuckDNS) update(ctx context.Context, name string, query url.Values) error {
	below, ok := strings.CutSuffix(strings.ToLower(name), ".duckdns.org")
	if !ok {
		return &Error{"DuckDNS", fmt.Errorf("%s is not below duckdns.org", name)}
	}
	query.Set("domains", below[strings.LastIndexByte(below, '.')+1:])
	query.Set("token", d.token)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL+"/update?"+query.Encode(), nil)
	if err != nil {
		return &Error{"DuckDNS", errors.New("its address is wrong")}
	}
	status, body, err := answer(r)
	switch {
	case err != nil:
		return &Error{"DuckDNS", err}
	case status != http.StatusOK:
		return &Error{"DuckDNS", fmt.Errorf("it answered %d %s", status, http.StatusText(status))}
	case !strings.HasPrefix(string(body), "OK"):
		return &Error{"DuckDNS", fmt.Errorf("it refused: is the token right, and is %s.duckdns.org of the same account?", query.Get("domains"))}
	}
	return nil
}
