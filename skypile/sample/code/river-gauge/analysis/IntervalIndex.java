package river.analysis;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/**
 * Answers which maintenance windows, alarms or outages overlap a span of time.
 *
 * <p>The intervals are sorted by their starts and laid out as an implicit balanced tree; each node
 * also knows the largest end below it, so whole branches that ended earlier are skipped. The index
 * is built once and then read by any number of threads.
 *
 * @param <T> what an interval carries
 */
public final class IntervalIndex<T> {
    /** A half-open span: {@code start} belongs to it, {@code end} does not. */
    public record Interval<T>(long start, long end, T value) {
        public Interval {
            if (end <= start) {
                throw new IllegalArgumentException("empty interval from " + start + " to " + end);
            }
        }

        public boolean overlaps(long from, long to) {
            return start < to && from < end;
        }
    }

    private final List<Interval<T>> sorted;
    private final long[] maxEnd;

    public IntervalIndex(List<Interval<T>> intervals) {
        sorted = new ArrayList<>(intervals);
        sorted.sort(Comparator.<Interval<T>>comparingLong(Interval::start)
                .thenComparingLong(Interval::end));
        maxEnd = new long[sorted.size()];
        fill(0, sorted.size());
    }

    /** Computes the largest ends of the subtree over [low, high), whose root is the middle. */
    private long fill(int low, int high) {
        if (low >= high) {
            return Long.MIN_VALUE;
        }
        int middle = (low + high) >>> 1;
        long below = Math.max(fill(low, middle), fill(middle + 1, high));
        maxEnd[middle] = Math.max(sorted.get(middle).end(), below);
        return maxEnd[middle];
    }

    /** Passes every interval that shares a moment with [from, to) to {@code visit}, by start. */
    public void overlapping(long from, long to, Consumer<? super Interval<T>> visit) {
        if (from < to) {
            search(0, sorted.size(), from, to, visit);
        }
    }

    private void search(
            int low, int high, long from, long to, Consumer<? super Interval<T>> visit) {
        if (low >= high) {
            return;
        }
        int middle = (low + high) >>> 1;
        if (maxEnd[middle] <= from) {
            return;
        }
        search(low, middle, from, to, visit);
        Interval<T> here = sorted.get(middle);
        if (here.start() >= to) {
            return; // everything to the right starts later still
        }
        if (here.overlaps(from, to)) {
            visit.accept(here);
        }
        search(middle + 1, high, from, to, visit);
    }

    public List<Interval<T>> at(long moment) {
        List<Interval<T>> found = new ArrayList<>();
        overlapping(moment, moment + 1, found::add);
        return found;
    }

    /** Returns how long [from, to) is covered by at least one interval. */
    public long covered(long from, long to) {
        long[] state = {from, 0};
        overlapping(from, to, interval -> {
            long begin = Math.max(state[0], interval.start());
            long end = Math.min(to, interval.end());
            if (end > begin) {
                state[1] += end - begin;
                state[0] = end;
            }
        });
        return state[1];
    }
}
