// Command window reads "station,unix seconds,level in cm" lines and prints one line per station and
// hour: the number of readings, the extremes, the mean, and the standard deviation.
//
// Readings may come late by up to the given slack; what is later still is counted and named.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
)

// summary holds running moments after Welford: no list of values, and no loss of digits as with
// the difference of two large sums.
type summary struct {
	count     int
	mean, m2  float64
	low, high float64
}

func (s *summary) add(x float64) {
	if s.count == 0 || x < s.low {
		s.low = x
	}
	if s.count == 0 || x > s.high {
		s.high = x
	}
	s.count++
	delta := x - s.mean
	s.mean += delta / float64(s.count)
	s.m2 += delta * (x - s.mean)
}

func (s *summary) deviation() float64 {
	if s.count < 2 {
		return 0
	}
	return math.Sqrt(s.m2 / float64(s.count-1))
}

type window struct {
	start   int64
	station string
}

type aggregator struct {
	width, slack int64
	newest       int64
	open         map[window]*summary
	late         int
}

func (a *aggregator) add(station string, at int64, level float64) {
	start := at - at%a.width
	if start+a.width+a.slack <= a.newest {
		a.late++
		return
	}
	key := window{start, station}
	s := a.open[key]
	if s == nil {
		s = &summary{}
		a.open[key] = s
	}
	s.add(level)
	a.newest = max(a.newest, at)
}

// flush prints the windows that can no longer change, in order of time and station.
func (a *aggregator) flush(out io.Writer, all bool) {
	var done []window
	for key := range a.open {
		if all || key.start+a.width+a.slack <= a.newest {
			done = append(done, key)
		}
	}
	sort.Slice(done, func(i, j int) bool {
		if done[i].start != done[j].start {
			return done[i].start < done[j].start
		}
		return done[i].station < done[j].station
	})
	for _, key := range done {
		s := a.open[key]
		fmt.Fprintf(out, "%s,%d,%d,%.1f,%.1f,%.2f,%.3f\n",
			key.station, key.start, s.count, s.low, s.high, s.mean, s.deviation())
		delete(a.open, key)
	}
}

func parse(line string) (station string, at int64, level float64, err error) {
	fields := strings.Split(line, ",")
	if len(fields) != 3 {
		return "", 0, 0, fmt.Errorf("%d fields, expected 3", len(fields))
	}
	if at, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
		return "", 0, 0, err
	}
	level, err = strconv.ParseFloat(fields[2], 64)
	return fields[0], at, level, err
}

func main() {
	width := flag.Int64("width", 3600, "length of a window in seconds")
	slack := flag.Int64("slack", 300, "how late a reading may be, in seconds")
	flag.Parse()
	a := &aggregator{width: *width, slack: *slack, open: make(map[window]*summary)}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := bufio.NewScanner(os.Stdin)
	for number := 1; lines.Scan(); number++ {
		station, at, level, err := parse(lines.Text())
		if err != nil {
			fmt.Fprintf(os.Stderr, "window: line %d: %v\n", number, err)
			continue
		}
		a.add(station, at, level)
		if number%10_000 == 0 {
			a.flush(out, false)
		}
	}
	a.flush(out, true)
	if a.late > 0 {
		fmt.Fprintf(os.Stderr, "window: %d readings came too late\n", a.late)
	}
}
