// Package queue holds jobs that become due at some later time.
package queue

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClosed is returned by Pop once the queue is closed and empty.
var ErrClosed = errors.New("queue: closed")

type item[T any] struct {
	value T
	due   time.Time
	order uint64 // jobs due at the same time leave in the order in which they came
}

type byDue[T any] []item[T]

func (h byDue[T]) Len() int { return len(h) }
func (h byDue[T]) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].order < h[j].order
	}
	return h[i].due.Before(h[j].due)
}
func (h byDue[T]) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *byDue[T]) Push(x any)   { *h = append(*h, x.(item[T])) }
func (h *byDue[T]) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = item[T]{} // let the collector have what the job refers to
	*h = (*h)[:last]
	return x
}

// Delay is a queue for many producers and consumers. The zero value is not usable; see New.
type Delay[T any] struct {
	mu      sync.Mutex
	items   byDue[T]
	next    uint64
	closed  bool
	changed chan struct{} // closed and replaced whenever waiting consumers must look again
}

// New returns an empty queue.
func New[T any]() *Delay[T] {
	return &Delay[T]{changed: make(chan struct{})}
}

func (q *Delay[T]) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Push adds a job that may be taken from the time due on.
func (q *Delay[T]) Push(value T, due time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	heap.Push(&q.items, item[T]{value, due, q.next})
	q.next++
	if q.items[0].order == q.next-1 {
		q.wake() // only a new first job changes how long anybody sleeps
	}
	return nil
}

// Pop waits for the next due job. It returns early with the error of ctx, or with ErrClosed.
func (q *Delay[T]) Pop(ctx context.Context) (T, error) {
	var zero T
	for {
		q.mu.Lock()
		if len(q.items) == 0 && q.closed {
			q.mu.Unlock()
			return zero, ErrClosed
		}
		wait := time.Hour
		if len(q.items) > 0 {
			wait = time.Until(q.items[0].due)
			if wait <= 0 {
				first := heap.Pop(&q.items).(item[T])
				q.mu.Unlock()
				return first.value, nil
			}
		}
		changed := q.changed
		q.mu.Unlock()

		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return zero, ctx.Err()
		case <-changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Close refuses further jobs; those inside are still handed out when they are due.
func (q *Delay[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		q.wake()
	}
}
