package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 256 << 10

// answer sends a request and reads what comes back. Its errors name the host alone: an address may
// hold a token.
func answer(r *http.Request) (status int, body []byte, err error) {
	client := &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a token is for one place
	}
	response, err := client.Do(r)
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	}
	if err == nil {
		return response.StatusCode, body, nil
	}
	var whole *url.Error
	if errors.As(err, &whole) {
		err = whole.Err
	}
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return 0, nil, fmt.Errorf("%s does not answer", r.URL.Host)
	}
	return 0, nil, fmt.Errorf("%s cannot be reached: %w", r.URL.Host, err)
}
