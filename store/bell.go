package store

import "sync"

// Topic is a kind of rows that a worker waits for.
type Topic int

const (
	Outgoing Topic = iota // deliveries that are due
	Arrived               // incoming messages to be routed
	Post                  // mail to be handed to the relay
	Settings              // settings rows
	Modems                // what the modems can do and how they are
	Errands               // what commands ask the modems
	Traffic               // anything that people can see happening
	Storage               // why nothing can be stored (Store.Storage): that is no row
)

// Bell tells that rows changed. It holds one ring: whoever hears it looks at the rows.
type Bell struct {
	C     <-chan struct{}
	c     chan struct{}
	key   any
	bells *bells
}

// Close ends the telling.
func (b *Bell) Close() {
	b.bells.mu.Lock()
	defer b.bells.mu.Unlock()
	delete(b.bells.rings[b.key], b)
	if len(b.bells.rings[b.key]) == 0 {
		delete(b.bells.rings, b.key)
	}
}

// Subscribe returns a bell that rings after each commit that touched the topic, in this process or another.
func (s *Store) Subscribe(t Topic) *Bell { return s.bells.add(t) }

// watched keys the bells of one message apart from the topics.
type watched int64

// Watch returns a bell that rings after each commit that changed a delivery of the message.
func (s *Store) Watch(message int64) *Bell { return s.bells.add(watched(message)) }

// bells are all that may ring, by Topic or watched.
type bells struct {
	mu    sync.Mutex
	rings map[any]map[*Bell]struct{}
}

func (b *bells) add(key any) *Bell {
	c := make(chan struct{}, 1)
	bell := &Bell{C: c, c: c, key: key, bells: b}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rings[key] == nil {
		b.rings[key] = map[*Bell]struct{}{}
	}
	b.rings[key][bell] = struct{}{}
	return bell
}

func (b *bells) ring(key any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for bell := range b.rings[key] {
		bell.ring()
	}
}

func (b *bells) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, set := range b.rings {
		for bell := range set {
			bell.ring()
		}
	}
}

func (b *Bell) ring() {
	select {
	case b.c <- struct{}{}:
	default: // it has not been heard yet
	}
}
