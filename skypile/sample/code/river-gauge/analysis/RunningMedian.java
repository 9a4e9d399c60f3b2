package river.analysis;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.TreeMap;

/**
 * The median of the last n readings, in O(log n) per reading.
 *
 * <p>A level sensor that is hit by driftwood reports single absurd values; a median ignores them
 * where a mean would show a flood. Two sorted bags hold the smaller and the larger half, and the
 * oldest value is removed from whichever of them holds it.
 */
public final class RunningMedian {
    /** A sorted bag: values with their multiplicities. */
    private static final class Bag {
        private final TreeMap<Double, Integer> counts = new TreeMap<>();
        private int size;

        void add(double value) {
            counts.merge(value, 1, Integer::sum);
            size++;
        }

        boolean remove(double value) {
            Integer count = counts.get(value);
            if (count == null) {
                return false;
            }
            if (count == 1) {
                counts.remove(value);
            } else {
                counts.put(value, count - 1);
            }
            size--;
            return true;
        }

        double popFirst() {
            double value = counts.firstKey();
            remove(value);
            return value;
        }

        double popLast() {
            double value = counts.lastKey();
            remove(value);
            return value;
        }
    }

    private final int capacity;
    private final Deque<Double> window = new ArrayDeque<>();
    private final Bag lower = new Bag();
    private final Bag upper = new Bag();

    public RunningMedian(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("the window needs room for a value, got " + capacity);
        }
        this.capacity = capacity;
    }

    /** Takes a reading and returns the median of the window, which then holds it. */
    public double add(double value) {
        if (Double.isNaN(value)) {
            throw new IllegalArgumentException("a missing reading must not be added");
        }
        if (window.size() == capacity) {
            double oldest = window.removeFirst();
            if (!lower.remove(oldest)) {
                upper.remove(oldest);
            }
        }
        window.addLast(value);
        if (lower.size == 0 || value <= lower.counts.lastKey()) {
            lower.add(value);
        } else {
            upper.add(value);
        }
        balance();
        return median();
    }

    /** Keeps the lower half as large as the upper one, or larger by one. */
    private void balance() {
        while (lower.size > upper.size + 1) {
            upper.add(lower.popLast());
        }
        while (upper.size > lower.size) {
            lower.add(upper.popFirst());
        }
    }

    public double median() {
        if (window.isEmpty()) {
            throw new IllegalStateException("no reading yet");
        }
        double left = lower.counts.lastKey();
        if (lower.size > upper.size) {
            return left;
        }
        return left + (upper.counts.firstKey() - left) / 2.0;
    }

    public int size() {
        return window.size();
    }
}
