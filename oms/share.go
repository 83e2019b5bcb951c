package oms

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"omsbox/store"
)

const (
	// maxBodies is how much all requests that are larger than freeBody may have in sum at one time, and
	// maxOfOne how much of it those of one household. To understand a request takes up to three times its
	// share, so that all of them together are not too much for a computer with 512 MB.
	maxBodies = 24 << 20
	maxOfOne  = maxBodies / 2
	// shareWithin is how long a request waits for more of it.
	shareWithin = 3 * time.Second
	// pieceWithin is how long a piece of freeBody may take to arrive. A line of 64 kbit/s needs eight seconds.
	pieceWithin = 10 * time.Second
	// yieldsAfter is the same while another request needs the memory.
	yieldsAfter = 500 * time.Millisecond
)

// errNoShare: too many large requests are under way.
var errNoShare = errors.New("no share of the memory for large requests")

// room is the memory for large requests. Each takes its share as it arrives and not as it announces itself.
// One that does not arrive gives way as soon as another needs what it has: whoever stalls keeps nobody out.
type room struct {
	mu     sync.Mutex
	left   int64
	held   map[netip.Prefix]int64 // by household
	shares []*share               // that have something, the oldest first
	freed  chan struct{}          // closed when something may have changed for who waits
}

func newRoom() *room {
	return &room{left: maxBodies, held: map[netip.Prefix]int64{}, freed: make(chan struct{})}
}

// share is what one request has of a room. It belongs to the goroutine that answers the request.
type share struct {
	room *room
	from netip.Prefix                  // the household that asks
	stop func(reading time.Time) error // it is http.ResponseController.SetReadDeadline
	end  time.Time                     // by when the request has to be there in any case; zero: any time

	// Of the room's lock.
	size    int64
	since   time.Time // when the piece that arrives began to; zero where none does
	waits   bool      // for more of it
	evicted bool      // another needs what it has
}

// share returns an empty share for a request.
func (r *room) share(w http.ResponseWriter, request *http.Request) *share {
	address, _ := netip.ParseAddrPort(request.RemoteAddr) // those without one are one household
	s := &share{room: r, from: store.Household(address.Addr()), stop: http.NewResponseController(w).SetReadDeadline}
	if server, ok := request.Context().Value(http.ServerContextKey).(*http.Server); ok && server.ReadTimeout > 0 {
		s.end = time.Now().Add(server.ReadTimeout)
	}
	return s
}

// take makes the share larger, and waits until that can be. It fails with errNoShare.
func (s *share) take(ctx context.Context, size int64) error {
	if size <= 0 {
		return nil
	}
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	s.since = time.Time{} // it is not for its client that it waits here
	if !s.evicted && r.fits(s, size) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, shareWithin)
	defer cancel()
	s.waits = true
	defer func() { s.waits = false }()
	for ctx.Err() == nil && !s.evicted {
		freed, look := r.freed, time.NewTimer(r.evict(s, size))
		r.mu.Unlock()
		select {
		case <-freed:
		case <-look.C:
		case <-ctx.Done():
		}
		look.Stop()
		r.mu.Lock()
		if !s.evicted && r.fits(s, size) {
			return nil
		}
	}
	return errNoShare
}

// fits makes a share larger if there is room for it.
func (r *room) fits(s *share, size int64) bool {
	if r.left < size || r.held[s.from]+size > maxOfOne {
		return false
	}
	if s.size == 0 {
		r.shares = append(r.shares, s)
	}
	r.left -= size
	r.held[s.from] += size
	s.size += size
	return true
}

// evict makes a request that is in the way of a larger share give way to it: the one that has been waiting
// longest for its client, if that is too long; else the youngest that waits for a larger share itself and yields.
// It returns when to look again.
func (r *room) evict(s *share, size int64) time.Duration {
	now := time.Now()
	var idlest, youngest *share
	older := true // than s
	for _, o := range r.shares {
		switch {
		case o == s:
			older = false
		case r.left >= size && o.from != s.from: // its own household has too much
		case o.evicted:
			return yieldsAfter // it is about to leave
		case o.waits && r.yields(o, s, older):
			youngest = o
		case !o.since.IsZero() && (idlest == nil || o.since.Before(idlest.since)):
			idlest = o
		}
	}
	switch {
	case idlest != nil && now.Sub(idlest.since) >= yieldsAfter:
		idlest.evicted = true
		idlest.stop(now)
	case youngest != nil:
		youngest.evicted = true
		r.wake()
	case idlest != nil:
		return idlest.since.Add(yieldsAfter).Sub(now)
	}
	return yieldsAfter
}

// yields says whether a request that waits gives way to another that does: the one whose household has far more
// to the other, else the younger to the older. So of requests that wait for what the others have, one goes on.
func (r *room) yields(o, s *share, older bool) bool {
	theirs, ours := r.held[o.from], r.held[s.from]
	return theirs > 2*ours+freeBody || !older && ours <= 2*theirs+freeBody
}

// wake has all look again that wait.
func (r *room) wake() {
	close(r.freed)
	r.freed = make(chan struct{})
}

// await says that a piece of the request is to arrive now.
func (s *share) await() {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	s.since = time.Now()
	until := s.since.Add(pieceWithin)
	if !s.end.IsZero() && s.end.Before(until) {
		until = s.end
	}
	s.stop(until)
}

// arrived says that no more of the request will be read, and whether that is so because another needed the
// memory.
func (s *share) arrived() (evicted bool) {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if !s.since.IsZero() {
		s.since = time.Time{}
		s.stop(time.Time{}) // reached while the request is answered, it would end its context
	}
	evicted, s.evicted = s.evicted, false
	return evicted
}

// close gives all of it back.
func (s *share) close() {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.size == 0 {
		return
	}
	r.left += s.size
	if r.held[s.from] -= s.size; r.held[s.from] == 0 {
		delete(r.held, s.from)
	}
	i := slices.Index(r.shares, s)
	r.shares = slices.Delete(r.shares, i, i+1)
	s.size = 0
	r.wake()
}
