/**
 * HTTP for an Elasticsearch whose own HTTP module is not at hand: hands every request to the server's REST layer, and
 * its answer back, over the JDK's HTTP server. And a transport that reaches nobody, for a node that is alone.
 */
package http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.apache.lucene.util.BytesRef;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.cluster.node.DiscoveryNode;
import org.elasticsearch.common.breaker.CircuitBreaker;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.component.AbstractLifecycleComponent;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.io.stream.RecyclerBytesStreamOutput;
import org.elasticsearch.common.network.NetworkService;
import org.elasticsearch.common.recycler.Recycler;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.transport.BoundTransportAddress;
import org.elasticsearch.common.transport.TransportAddress;
import org.elasticsearch.common.util.BigArrays;
import org.elasticsearch.common.util.PageCacheRecycler;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.http.AbstractHttpServerTransport;
import org.elasticsearch.http.HttpBody;
import org.elasticsearch.http.HttpChannel;
import org.elasticsearch.http.HttpPreRequest;
import org.elasticsearch.http.HttpRequest;
import org.elasticsearch.http.HttpResponse;
import org.elasticsearch.http.HttpServerChannel;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.indices.breaker.CircuitBreakerService;
import org.elasticsearch.plugins.NetworkPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.ChunkedRestResponseBodyPart;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.telemetry.TelemetryProvider;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.BytesRefRecycler;
import org.elasticsearch.transport.ConnectTransportException;
import org.elasticsearch.transport.ConnectionProfile;
import org.elasticsearch.transport.Transport;
import org.elasticsearch.transport.TransportMessageListener;
import org.elasticsearch.transport.TransportStats;
import org.elasticsearch.xcontent.NamedXContentRegistry;

public class ElasticsearchHttp extends Plugin implements NetworkPlugin {
  @Override
  public Map<String, Supplier<HttpServerTransport>> getHttpTransports(Settings settings, ThreadPool threads,
      BigArrays arrays, PageCacheRecycler recycler, CircuitBreakerService breakers, NamedXContentRegistry registry,
      NetworkService network, HttpServerTransport.Dispatcher dispatcher, BiConsumer<HttpPreRequest, ThreadContext> context,
      ClusterSettings clusterSettings, TelemetryProvider telemetry) {
    var buffers = new BytesRefRecycler(recycler);
    return Map.of("jdk", () -> new Http(settings, network, buffers, threads, registry, dispatcher, clusterSettings, telemetry));
  }

  @Override
  public Map<String, Supplier<Transport>> getTransports(Settings settings, ThreadPool threads, PageCacheRecycler recycler,
      CircuitBreakerService breakers, NamedWriteableRegistry registry, NetworkService network) {
    return Map.of("alone", () -> new Alone(new BytesRefRecycler(recycler)));
  }

  private static final class Http extends AbstractHttpServerTransport {
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private HttpServer server;

    Http(Settings settings, NetworkService network, BytesRefRecycler buffers, ThreadPool pool, NamedXContentRegistry registry,
        Dispatcher dispatcher, ClusterSettings clusterSettings, TelemetryProvider telemetry) {
      super(settings, network, buffers, pool, registry, dispatcher, clusterSettings, telemetry);
    }

    @Override
    protected HttpServerChannel bind(InetSocketAddress address) throws IOException {
      server = HttpServer.create(address, 0);
      server.setExecutor(threads);
      server.createContext("/", this::handle);
      server.start();
      return new ListeningChannel(server);
    }

    @Override
    protected void startInternal() {
      bindServer();
    }

    @Override
    protected void stopInternal() {
      server.stop(0);
      threads.shutdown();
    }

    private void handle(HttpExchange exchange) throws IOException {
      byte[] body = exchange.getRequestBody().readAllBytes();
      Channel channel = new Channel(exchange, new CompletableFuture<>(), recycler());
      serverAcceptedChannel(channel);
      incomingRequest(new Request(exchange, body), channel);
      channel.answered.join();
    }
  }

  private record ListeningChannel(HttpServer server) implements HttpServerChannel {
    public InetSocketAddress getLocalAddress() { return server.getAddress(); }
    public void close() { server.stop(0); }
    public void addCloseListener(ActionListener<Void> listener) {}
    public boolean isOpen() { return true; }
  }

  private static final class Request implements HttpRequest {
    private final HttpExchange exchange;
    private final Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    private HttpBody body;

    Request(HttpExchange exchange, byte[] body) {
      this.exchange = exchange;
      this.body = HttpBody.fromBytesReference(new BytesArray(body));
      headers.putAll(exchange.getRequestHeaders());
    }

    public RestRequest.Method method() { return RestRequest.Method.valueOf(exchange.getRequestMethod()); }
    public String uri() { return exchange.getRequestURI().toString(); }
    public Map<String, List<String>> getHeaders() { return headers; }
    public HttpBody body() { return body; }
    public void setBody(HttpBody next) { body = next; }
    public boolean hasContent() { return body.isEmpty() == false; }
    public List<String> strictCookies() { return List.of(); }
    public HttpVersion protocolVersion() { return HttpVersion.HTTP_1_1; }
    public Exception getInboundException() { return null; }
    public void release() {}

    public HttpRequest removeHeader(String header) {
      headers.remove(header);
      return this;
    }

    public HttpResponse createResponse(RestStatus status, BytesReference whole) {
      return new Response(status, whole, null, new LinkedHashMap<>());
    }

    public HttpResponse createResponse(RestStatus status, ChunkedRestResponseBodyPart parts) {
      return new Response(status, null, parts, new LinkedHashMap<>());
    }
  }

  private record Response(RestStatus status, BytesReference whole, ChunkedRestResponseBodyPart parts,
      Map<String, String> headers) implements HttpResponse {
    public void addHeader(String name, String value) { headers.put(name, value); }
    public boolean containsHeader(String name) { return headers.keySet().stream().anyMatch(name::equalsIgnoreCase); }

    byte[] body(Recycler<BytesRef> buffers) throws IOException {
      var out = new ByteArrayOutputStream();
      if (whole != null) whole.writeTo(out);
      while (parts != null && parts.isPartComplete() == false) {
        try (var chunk = parts.encodeChunk(65536, buffers)) {
          chunk.writeTo(out);
        }
      }
      return out.toByteArray();
    }
  }

  private record Channel(HttpExchange exchange, CompletableFuture<Void> answered, Recycler<BytesRef> buffers)
      implements HttpChannel {
    public void sendResponse(HttpResponse response, ActionListener<Void> listener) {
      try (exchange) {
        Response ours = (Response) response;
        byte[] body = ours.body(buffers);
        // How long the body is and how it is cut is said below.
        ours.headers.keySet().removeIf(name -> name.toLowerCase().matches("content-length|transfer-encoding"));
        ours.headers.forEach(exchange.getResponseHeaders()::set);
        boolean empty = body.length == 0 || exchange.getRequestMethod().equals("HEAD");
        exchange.sendResponseHeaders(ours.status.getStatus(), empty ? -1 : body.length);
        if (empty == false) exchange.getResponseBody().write(body);
        listener.onResponse(null);
      } catch (IOException error) {
        listener.onFailure(error);
      } finally {
        answered.complete(null);
      }
    }

    public InetSocketAddress getLocalAddress() { return exchange.getLocalAddress(); }
    public InetSocketAddress getRemoteAddress() { return exchange.getRemoteAddress(); }
    public void close() { answered.complete(null); }
    public boolean isOpen() { return answered.isDone() == false; }

    public void addCloseListener(ActionListener<Void> listener) {
      answered.whenComplete((done, error) -> listener.onResponse(null));
    }
  }

  private static final class Alone extends AbstractLifecycleComponent implements Transport {
    private final RequestHandlers requests = new RequestHandlers();
    private final ResponseHandlers responses = new ResponseHandlers();
    private final BytesRefRecycler buffers;

    Alone(BytesRefRecycler buffers) {
      this.buffers = buffers;
    }

    public BoundTransportAddress boundAddress() {
      TransportAddress nowhere = new TransportAddress(InetAddress.getLoopbackAddress(), 9300);
      return new BoundTransportAddress(new TransportAddress[] {nowhere}, nowhere);
    }

    public void openConnection(DiscoveryNode node, ConnectionProfile profile, ActionListener<Connection> listener) {
      listener.onFailure(new ConnectTransportException(node, "this node is alone"));
    }

    public RecyclerBytesStreamOutput newNetworkBytesStream(CircuitBreaker breaker) {
      return new RecyclerBytesStreamOutput(buffers);
    }

    public void setMessageListener(TransportMessageListener listener) {}
    public BoundTransportAddress boundRemoteIngressAddress() { return null; }
    public Map<String, BoundTransportAddress> profileBoundAddresses() { return Map.of(); }
    public TransportAddress[] addressesFromString(String address) { return new TransportAddress[0]; }
    public List<String> getDefaultSeedAddresses() { return List.of(); }
    public TransportStats getStats() { throw new UnsupportedOperationException(); }
    public ResponseHandlers getResponseHandlers() { return responses; }
    public RequestHandlers getRequestHandlers() { return requests; }
    protected void doStart() {}
    protected void doStop() {}
    protected void doClose() {}
  }
}
