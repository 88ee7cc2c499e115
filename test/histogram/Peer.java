import java.io.File;
import java.io.PrintStream;
import java.util.Locale;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.HdrHistogram.HistogramLogReader;
import org.HdrHistogram.HistogramLogWriter;

/** The other side of peer.c, by the Java library: `write FILE` and `lines FILE`, with the same output. */
public class Peer {
    private static final long START_MS = 1700000000500L;
    private static final double[] PERCENTILES = {0, 1, 25, 50, 75, 90, 99, 99.9, 99.99, 100};

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("write")) {
            write(arguments[1]);
        } else {
            lines(arguments[1]);
        }
    }

    private static void fill(Histogram histogram, int interval) {
        long x = interval * 2654435761L + 1;
        for (int i = 0; i < interval * 400; i++) {
            x = x * 6364136223846793005L + 1442695040888963407L;
            long value = (x >>> 22) >>> ((x >>> 58) % 42);
            histogram.recordValueWithCount(value % 3600000000001L, i % 100 == 0 ? 5000000000L : 1 + i % 3);
        }
    }

    /** Intervals 0 to 7 as peer.c writes them; then one that grew by itself, and one of another shape. */
    private static void write(String path) throws Exception {
        try (PrintStream out = new PrintStream(path)) {
            HistogramLogWriter writer = new HistogramLogWriter(out);
            writer.outputComment("[Peer.java]");
            writer.outputLogFormatVersion();
            writer.outputStartTime(START_MS);
            writer.setBaseTime(START_MS);
            writer.outputBaseTime(START_MS);
            writer.outputLegend();
            for (int i = 0; i < 10; i++) {
                Histogram histogram = i < 8 ? new Histogram(1, 3600000000000L, 3)
                        : i == 8 ? new Histogram(2) : new Histogram(1000, Long.MAX_VALUE, 4);
                if (i == 8) {
                    histogram.setAutoResize(true);
                }
                fill(histogram, i);
                histogram.setTag(i % 4 == 3 ? "odd" : null);
                histogram.setStartTimeStamp(START_MS + 1000L * i);
                histogram.setEndTimeStamp(START_MS + 1000L * (i + 1));
                writer.outputIntervalHistogram(histogram);
            }
        }
    }

    private static void lines(String path) throws Exception {
        HistogramLogReader reader = new HistogramLogReader(new File(path));
        EncodableHistogram next;
        while ((next = reader.nextIntervalHistogram()) != null) {
            Histogram h = (Histogram) next;
            System.out.printf(Locale.US, "interval '%s' %d %d%n", h.getTag() == null ? "" : h.getTag(),
                    h.getStartTimeStamp(), h.getEndTimeStamp());
            System.out.printf(Locale.US, "total %d min %d max %d%n", h.getTotalCount(), h.getMinValue(),
                    h.getMaxValue());
            System.out.printf(Locale.US, "mean %.3f stddev %.3f%n", h.getMean(), h.getStdDeviation());
            for (double percentile : PERCENTILES) {
                String name = percentile == Math.rint(percentile) ? String.valueOf((long) percentile)
                        : String.valueOf(percentile);
                System.out.printf(Locale.US, "p%s %d%n", name, h.getValueAtPercentile(percentile));
            }
            for (HistogramIterationValue value : h.recordedValues()) {
                System.out.printf(Locale.US, "%d %d %d%n", h.lowestEquivalentValue(value.getValueIteratedTo()),
                        value.getCountAddedInThisIterationStep(), value.getTotalCountToThisValue());
            }
        }
    }
}
