package river.analysis;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Draws numbers from standard input as a line of block characters, with a small legend.
 *
 * <pre>cut -d, -f3 levels.csv | java SparkLine.java 60</pre>
 *
 * Longer series are thinned by largest-triangle-three-buckets, which keeps peaks that plain
 * averaging would wash out.
 */
public final class SparkLine {
    private static final String BLOCKS = "▁▂▃▄▅▆▇█";

    private SparkLine() {}

    /** Returns the indices of at most {@code count} points that keep the shape of the series. */
    static int[] thin(double[] values, int count) {
        int size = values.length;
        if (count >= size || count < 3) {
            int[] all = new int[Math.min(size, Math.max(count, 0))];
            Arrays.setAll(all, i -> i);
            return all;
        }
        int[] chosen = new int[count];
        chosen[count - 1] = size - 1;
        double bucket = (size - 2.0) / (count - 2);
        for (int slot = 1; slot < count - 1; slot++) {
            int low = (int) Math.floor((slot - 1) * bucket) + 1;
            int high = (int) Math.floor(slot * bucket) + 1;
            int next = Math.min(size, (int) Math.floor((slot + 1) * bucket) + 1);
            double meanX = (high + next - 1) / 2.0;
            double meanY = Arrays.stream(values, high, next).average().orElse(values[size - 1]);
            int before = chosen[slot - 1];
            double largest = -1;
            for (int i = low; i < high; i++) {
                double area = Math.abs((before - meanX) * (values[i] - values[before])
                        - (before - i) * (meanY - values[before]));
                if (area > largest) {
                    largest = area;
                    chosen[slot] = i;
                }
            }
        }
        return chosen;
    }

    static String draw(double[] values, int width) {
        double low = Arrays.stream(values).min().orElse(0);
        double high = Arrays.stream(values).max().orElse(0);
        StringBuilder line = new StringBuilder();
        for (int index : thin(values, width)) {
            double share = high > low ? (values[index] - low) / (high - low) : 0.5;
            line.append(BLOCKS.charAt((int) Math.round(share * (BLOCKS.length() - 1))));
        }
        return line.toString();
    }

    public static void main(String[] args) throws IOException {
        int width = args.length > 0 ? Integer.parseInt(args[0]) : 72;
        List<Double> numbers = new ArrayList<>();
        int skipped = 0;
        var input = new InputStreamReader(System.in, StandardCharsets.UTF_8);
        try (BufferedReader lines = new BufferedReader(input)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                try {
                    double value = Double.parseDouble(line.strip());
                    if (Double.isFinite(value)) {
                        numbers.add(value);
                    }
                } catch (NumberFormatException expected) {
                    skipped++; // headings and gaps are normal in such columns
                }
            }
        }
        if (numbers.isEmpty()) {
            System.err.println("SparkLine: no numbers on standard input");
            System.exit(1);
        }
        double[] values = numbers.stream().mapToDouble(Double::doubleValue).toArray();
        System.out.println(draw(values, width));
        System.out.printf(Locale.ROOT, "%d values, %d lines skipped, %.2f to %.2f%n", values.length,
                skipped, Arrays.stream(values).min().orElse(0), Arrays.stream(values).max().orElse(0));
    }
}
