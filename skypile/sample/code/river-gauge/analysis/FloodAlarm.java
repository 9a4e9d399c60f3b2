package river.analysis;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * 水位警报的状态机：升级立即生效，降级要等水位回落到阈值以下并保持一段时间。
 *
 * <p>Without that delay and margin, waves around a threshold would ring the phones of the fire
 * brigade every minute. Readings that are older than the last one are ignored.
 */
public final class FloodAlarm {
    /** The stages, in rising order. */
    public enum Stage {
        CALM,
        WATCH,
        WARNING,
        EVACUATE
    }

    /** What changed, and why. */
    public record Change(Instant at, Stage from, Stage to, double level) {}

    private final Map<Stage, Double> thresholds = new EnumMap<>(Stage.class);
    private final double margin;
    private final Duration hold;
    private Stage stage = Stage.CALM;
    private Instant last = Instant.MIN;
    private Instant belowSince;

    /**
     * @param watch levels in centimetres from which each stage applies, rising
     * @param margin how far below the threshold a level must fall to count as below
     * @param hold how long it must stay there
     */
    public FloodAlarm(
            double watch, double warning, double evacuate, double margin, Duration hold) {
        if (!(watch < warning && warning < evacuate)) {
            throw new IllegalArgumentException("thresholds must rise from stage to stage");
        }
        if (margin < 0 || hold.isNegative()) {
            throw new IllegalArgumentException("margin and hold must not be negative");
        }
        thresholds.put(Stage.CALM, Double.NEGATIVE_INFINITY);
        thresholds.put(Stage.WATCH, watch);
        thresholds.put(Stage.WARNING, warning);
        thresholds.put(Stage.EVACUATE, evacuate);
        this.margin = margin;
        this.hold = Objects.requireNonNull(hold);
    }

    /** Takes a reading; returns the change of stage that it caused, if any. */
    public Optional<Change> read(Instant at, double level) {
        if (!at.isAfter(last) || Double.isNaN(level)) {
            return Optional.empty();
        }
        last = at;
        Stage reached = stageOf(level);
        if (reached.compareTo(stage) > 0) {
            belowSince = null;
            return move(at, reached, level);
        }
        if (level >= thresholds.get(stage) - margin) {
            belowSince = null; // 仍在阈值附近，重新计时
            return Optional.empty();
        }
        if (belowSince == null) {
            belowSince = at;
        }
        if (Duration.between(belowSince, at).compareTo(hold) < 0) {
            return Optional.empty();
        }
        // One stage at a time: a dam may release water again while people are on the way home.
        belowSince = at;
        return move(at, Stage.values()[stage.ordinal() - 1], level);
    }

    private Stage stageOf(double level) {
        Stage result = Stage.CALM;
        for (Map.Entry<Stage, Double> entry : thresholds.entrySet()) {
            if (level >= entry.getValue()) {
                result = entry.getKey();
            }
        }
        return result;
    }

    private Optional<Change> move(Instant at, Stage to, double level) {
        Change change = new Change(at, stage, to, level);
        stage = to;
        return Optional.of(change);
    }

    public Stage stage() {
        return stage;
    }
}
