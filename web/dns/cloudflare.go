package dns

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/libdns/libdns"
)

// Cloudflare is the API of Cloudflare, version 4. Its token needs the permissions Zone Read and DNS Edit.
type Cloudflare struct {
	URL   string // of the API
	token string
}

func newCloudflare(token string) *Cloudflare {
	return &Cloudflare{URL: "https://api.cloudflare.com/client/v4", token: token}
}

// AppendRecords creates the records.
func (c *Cloudflare) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return each(ctx, zone, records, c.create)
}

// DeleteRecords removes the records; those that are not there are gone already.
func (c *Cloudflare) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return each(ctx, zone, records, c.remove)
}

// cloudflareRecord is a DNS record as the API has it.
type cloudflareRecord struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"` // of a TXT record: in quotes
	TTL     int    `json:"ttl"`     // seconds
}

func (c *Cloudflare) create(ctx context.Context, _, name, value string) error {
	id, err := c.zone(ctx, name)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, "/zones/"+id+"/dns_records",
		cloudflareRecord{Type: "TXT", Name: name, Content: `"` + value + `"`, TTL: 60}, nil)
}

func (c *Cloudflare) remove(ctx context.Context, _, name, value string) error {
	id, err := c.zone(ctx, name)
	if err != nil {
		return err
	}
	var there []cloudflareRecord
	query := url.Values{"type": {"TXT"}, "name": {name}, "per_page": {"100"}}
	if err := c.call(ctx, http.MethodGet, "/zones/"+id+"/dns_records?"+query.Encode(), nil, &there); err != nil {
		return err
	}
	for _, r := range there {
		if strings.Trim(r.Content, `"`) != value {
			continue
		}
		if err := c.call(ctx, http.MethodDelete, "/zones/"+id+"/dns_records/"+url.PathEscape(r.ID), nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// zone returns the id of the zone that a name is in: the longest one that the token may see.
func (c *Cloudflare) zone(ctx context.Context, name string) (id string, err error) {
	for candidate := name; strings.Contains(candidate, "."); _, candidate, _ = strings.Cut(candidate, ".") {
		var zones []struct {
			ID string `json:"id"`
		}
		if err := c.call(ctx, http.MethodGet, "/zones?"+url.Values{"name": {candidate}}.Encode(), nil, &zones); err != nil {
			return "", err
		}
		if len(zones) > 0 {
			return url.PathEscape(zones[0].ID), nil
		}
	}
	return "", &Error{"Cloudflare", fmt.Errorf("the token sees no zone that has %s: is it for the right one, with the "+
		"permissions Zone Read and DNS Edit?", name)}
}

// call makes one call of the API; result is what its answer is decoded into, if not nil.
func (c *Cloudflare) call(ctx context.Context, method, path string, body, result any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return &Error{"Cloudflare", err}
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(content))
	if err != nil {
		return &Error{"Cloudflare", errors.New("its address is wrong")}
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	status, content, err := answer(r)
	if err != nil {
		return &Error{"Cloudflare", err}
	}
	var envelope struct {
		Success bool            `json:"success"`
		Errors  []apiError      `json:"errors"`
		Result  json.RawMessage `json:"result"`
	}
	err = json.Unmarshal(content, &envelope)
	identical := func(e apiError) bool { return e.Code == 81057 || e.Code == 81058 } // what is to be created is there
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusBadRequest &&
		slices.ContainsFunc(envelope.Errors, apiError.ofToken):
		return &Error{"Cloudflare", errors.New("it refuses the token: it needs the permissions Zone Read and DNS Edit for the zone")}
	case method == http.MethodPost && slices.ContainsFunc(envelope.Errors, identical):
		return nil
	case err != nil:
		return &Error{"Cloudflare", fmt.Errorf("it answered %d %s, and nothing that can be read", status, http.StatusText(status))}
	case !envelope.Success && len(envelope.Errors) > 0:
		return &Error{"Cloudflare", fmt.Errorf("it refused: %q", clip(strings.ReplaceAll(envelope.Errors[0].Message, c.token, "…")))}
	case !envelope.Success || status >= 300:
		return &Error{"Cloudflare", fmt.Errorf("it answered %d %s", status, http.StatusText(status))}
	}
	if result != nil {
		if err := json.Unmarshal(envelope.Result, result); err != nil {
			return &Error{"Cloudflare", errors.New("its answer cannot be read")}
		}
	}
	return nil
}

// apiError is why a call failed.
type apiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// ofToken says whether it is the token that is wrong: its form, or what it may do.
func (e apiError) ofToken() bool {
	return slices.Contains([]int{6003, 6111, 9106, 9109, 10000}, e.Code)
}
