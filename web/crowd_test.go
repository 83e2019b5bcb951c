package web_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/web"
)

// Where the crowd ends: over all doors, and of one address.
const (
	most = 1024
	each = 64
)

// address is one of many, each of another household.
func address(n int) string { return fmt.Sprintf("198.51.%d.%d", n/250, n%250+1) }

// trickle opens a connection that never ends its header.
func trickle(t *testing.T, p *pipes, address string) net.Conn {
	t.Helper()
	conn := p.dialFrom(address)
	t.Cleanup(func() { conn.Close() })
	io.WriteString(conn, "GET ")
	synctest.Wait()
	return conn
}

// open says whether the server still holds its end of a connection.
func open(conn net.Conn) bool {
	conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := conn.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// served says what a request from an address is answered.
func served(t *testing.T, p *pipes, address string) string {
	t.Helper()
	conn := p.dialFrom(address)
	defer conn.Close()
	if _, err := io.WriteString(conn, strings.ReplaceAll("GET /oms/service.asmx HTTP/1.1\nHost: box\nConnection: close\n\n", "\n", "\r\n")); err != nil {
		return "refused"
	}
	got, _ := until(conn)
	return strings.SplitN(got, "\r\n", 2)[0]
}

const ok = "HTTP/1.1 200 OK"

func TestTheLongestIdleOfAnAddressMakesPlaceForItsNext(t *testing.T) {
	t.Parallel()
	bubble(t, web.Config{}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		stranger := trickle(t, p, "203.0.113.7") // idle for longest, but no concern of others
		var own []net.Conn
		for range each {
			own = append(own, trickle(t, p, "192.0.2.1"))
			time.Sleep(time.Millisecond)
		}
		if !open(own[0]) {
			t.Error("one left although there was place for all")
		}
		if got := served(t, p, "192.0.2.1"); got != ok {
			t.Errorf("the newcomer got %q", got)
		}
		if open(own[0]) || !open(own[1]) || !open(stranger) {
			t.Errorf("open: the longest idle %v, the next %v, a stranger %v; want false, true, true", open(own[0]), open(own[1]), open(stranger))
		}
	})
}

func TestIPv6AddressesOfOneHouseholdCountAsOne(t *testing.T) {
	t.Parallel()
	bubble(t, web.Config{}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		first := trickle(t, p, "2001:db8:1:2::1")
		time.Sleep(time.Millisecond)
		for n := range each - 1 {
			trickle(t, p, fmt.Sprintf("2001:db8:1:2:%x::1", n))
		}
		trickle(t, p, "2001:db8:1:3::1")
		if !open(first) {
			t.Error("the neighbours' connection took a place")
		}
		trickle(t, p, "2001:db8:1:2:ffff::1")
		if open(first) {
			t.Errorf("one household has more than %d connections", each)
		}
	})
}

func TestAProxyOfOursMayHaveMoreConnections(t *testing.T) {
	t.Parallel()
	bubbleFrom(t, web.Config{}, map[string]string{"http.proxies": "192.0.2.1"}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		first := trickle(t, p, "192.0.2.1")
		for range each {
			trickle(t, p, "192.0.2.1")
		}
		if !open(first) {
			t.Error("the proxy's first connection was closed")
		}
	})
}

func TestWhereAllIsFullTheAddressWithMostMakesPlace(t *testing.T) {
	t.Parallel()
	bubble(t, web.Config{}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		var others []net.Conn
		for n := range most - 10 {
			others = append(others, trickle(t, p, address(n)))
		}
		time.Sleep(time.Millisecond)
		var greedy []net.Conn
		for range 10 {
			greedy = append(greedy, trickle(t, p, "203.0.113.7"))
			time.Sleep(time.Millisecond)
		}
		if got := served(t, p, "192.0.2.1"); got != ok {
			t.Errorf("the newcomer got %q", got)
		}
		if open(greedy[0]) || !open(greedy[1]) || !open(others[0]) {
			t.Errorf("open: the greedy one's first %v, its second %v, another's %v; want false, true, true", open(greedy[0]), open(greedy[1]), open(others[0]))
		}
	})
}

func TestNobodyIsSentAwayForANewcomerWhileHisRequestIsUnderWay(t *testing.T) {
	t.Parallel()
	const slow = 5 * time.Second
	bubble(t, web.Config{OMS: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			time.Sleep(slow)
		}
		io.WriteString(w, "accepted")
	})}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		answered := make(chan string, each)
		for range each {
			conn := send(t, p, "POST /oms/service.asmx HTTP/1.1\nHost: box\nConnection: close\nContent-Length: 0\n\n")
			go func() {
				got, _ := until(conn)
				answered <- got
			}()
		}
		synctest.Wait()
		if got := served(t, p, "192.0.2.1"); got != "refused" {
			t.Errorf("one too many got %q", got)
		}
		if got := served(t, p, "192.0.2.2"); got != ok {
			t.Errorf("another address got %q", got)
		}
		for range each {
			if got := <-answered; !strings.HasSuffix(got, "accepted") {
				t.Fatalf("a request under way got %q", got)
			}
		}
		if got := served(t, p, "192.0.2.1"); got != ok {
			t.Errorf("when they have ended the next got %q", got)
		}
	})
}

func TestAPlaceIsGivenBackHoweverAConnectionEnds(t *testing.T) {
	t.Parallel()
	bubble(t, web.Config{}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		for range 3 * each {
			if got := served(t, p, "192.0.2.1"); got != ok {
				t.Fatalf("got %q", got)
			}
			trickle(t, p, "192.0.2.1").Close()
			synctest.Wait()
		}
		first := trickle(t, p, "192.0.2.1")
		for range each - 1 {
			trickle(t, p, "192.0.2.1")
		}
		if !open(first) {
			t.Error("some place was not given back")
		}
	})
}
