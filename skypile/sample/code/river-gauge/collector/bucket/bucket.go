// Package bucket limits how often each station may send, by token buckets.
package bucket

import (
	"sync"
	"time"
)

// Limiter keeps one bucket per key. A full bucket is the same as none, so idle keys are dropped.
type Limiter struct {
	perSecond float64
	burst     float64
	now       func() time.Time

	mu      sync.Mutex
	buckets map[string]*state
	swept   time.Time
}

type state struct {
	tokens float64
	seen   time.Time
}

// New returns a limiter that allows perSecond events on average, and burst at once.
func New(perSecond float64, burst int) *Limiter {
	if perSecond <= 0 || burst < 1 {
		panic("bucket: rate and burst must be positive")
	}
	return &Limiter{
		perSecond: perSecond,
		burst:     float64(burst),
		now:       time.Now,
		buckets:   make(map[string]*state),
	}
}

// Allow takes one token and tells whether there was one.
func (l *Limiter) Allow(key string) bool {
	ok, _ := l.Take(key, 1)
	return ok
}

// Take takes n tokens at once. Where there are not enough, none is taken, and the duration says
// after how long the same call would succeed; it is negative where it never will.
func (l *Limiter) Take(key string, n int) (bool, time.Duration) {
	want := float64(n)
	if want > l.burst {
		return false, -1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.sweep(now)
	s := l.buckets[key]
	if s == nil {
		s = &state{tokens: l.burst, seen: now}
		l.buckets[key] = s
	}
	l.refill(s, now)
	if s.tokens >= want {
		s.tokens -= want
		return true, 0
	}
	missing := want - s.tokens
	return false, time.Duration(missing / l.perSecond * float64(time.Second))
}

func (l *Limiter) refill(s *state, now time.Time) {
	elapsed := now.Sub(s.seen).Seconds()
	if elapsed <= 0 {
		return // the clock was set back: nobody gains or loses
	}
	s.tokens = min(l.burst, s.tokens+elapsed*l.perSecond)
	s.seen = now
}

// sweep forgets buckets that are full again. It runs at most once per filling time, so its cost
// per call is constant on average.
func (l *Limiter) sweep(now time.Time) {
	filling := time.Duration(l.burst / l.perSecond * float64(time.Second))
	if now.Sub(l.swept) < filling {
		return
	}
	l.swept = now
	for key, s := range l.buckets {
		if now.Sub(s.seen) >= filling {
			delete(l.buckets, key)
		}
	}
}

// Len returns how many keys are remembered.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.buckets)
}
