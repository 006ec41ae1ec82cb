import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.module.blackbird.BlackbirdModule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The equal job on Kafka Streams: {@code java -Dguarantee=exactly_once_v2 EqualJob '<spec>'}, ended by SIGTERM. */
public final class EqualJob {
  private static final int EVERY = 10;
  private static final String STORE = "counts";

  /** What the harness asks for. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(String kafka, String app, String source, String out, String folder) {}

  /** What is bound of an event; the rest is parsed and skipped. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public static final class Event {
    public String id;
    public String tenant;
    public String subject;
    public String time;
    public String type;
    public long amount;
  }

  /** A customer's row. */
  record Tally(long n, long s) {
    static Tally read(byte[] bytes) {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      return new Tally(buffer.getLong(), buffer.getLong());
    }

    byte[] write() {
      return ByteBuffer.allocate(2 * Long.BYTES).putLong(n).putLong(s).array();
    }

    byte[] json() {
      return ("{\"n\":" + n + ",\"s\":" + s + "}").getBytes(StandardCharsets.US_ASCII);
    }
  }

  /** One read and one write of the store an event. */
  static final class Count extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    private static final Tally NOTHING = new Tally(0, 0);
    private final ObjectReader events = mapper().readerFor(Event.class);
    private KeyValueStore<byte[], Tally> counts;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      super.init(context);
      counts = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      Tally before = counts.get(record.key());
      if (before == null) {
        before = NOTHING;
      }
      Tally now = new Tally(before.n() + 1, before.s() + amount(record.value()));
      counts.put(record.key(), now);
      if (now.n() % EVERY == 0) {
        context().forward(record.withValue(now.json()));
      }
    }

    private long amount(byte[] json) {
      try {
        return events.<Event>readValue(json).amount;
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  }

  private static ObjectMapper mapper() {
    return new ObjectMapper().registerModule(new BlackbirdModule());
  }

  private static Topology topology(Spec spec) {
    KeyValueBytesStoreSupplier rows =
        Boolean.getBoolean("rocksdb")
            ? Stores.persistentKeyValueStore(STORE)
            : Stores.inMemoryKeyValueStore(STORE);
    Serde<Tally> tally =
        Serdes.serdeFrom(
            (topic, value) -> value == null ? null : value.write(),
            (topic, bytes) -> bytes == null ? null : Tally.read(bytes));
    var store = Stores.keyValueStoreBuilder(rows, Serdes.ByteArray(), tally).withLoggingEnabled(Map.of());
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Boolean.getBoolean("cached") ? store.withCachingEnabled() : store);
    builder.stream(spec.source(), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .process(Count::new, STORE)
        .to(spec.out(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    return builder.build();
  }

  private static Properties settings(Spec spec) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, spec.app());
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, spec.kafka());
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, System.getProperty("guarantee"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, spec.folder());
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 4_000);
    settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, Integer.getInteger("fetch", 4 << 20));
    return settings;
  }

  public static void main(String[] args) throws IOException {
    Spec spec = mapper().readValue(args[0], Spec.class);
    KafkaStreams streams = new KafkaStreams(topology(spec), settings(spec));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));
    streams.setUncaughtExceptionHandler(
        error -> StreamThreadExceptionResponse.SHUTDOWN_APPLICATION);
    streams.start();
  }
}
