/** One node of OpenSearch 3 by itself. Arguments: an empty directory for all it writes, the port. */

import java.util.List;
import java.util.Map;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;
import org.opensearch.transport.Netty4ModulePlugin;

class Main extends Node {
  Main(Environment environment) {
    super(environment, List.of(http()), false);
  }

  private static PluginInfo http() {
    String name = Netty4ModulePlugin.class.getName();
    return new PluginInfo(name, "HTTP", "1", Version.CURRENT, "21", name, List.of(), false);
  }

  public static void main(String[] args) throws Exception {
    Settings settings = Settings.builder()
        .put("path.home", args[0])
        .put("http.port", args[1])
        .put("http.type", "netty4")
        .put("transport.port", "0")
        .put("transport.type", "netty4")
        .put("network.host", "127.0.0.1")
        .put("discovery.type", "single-node")
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    new Main(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "tests")).start();
    Thread.currentThread().join();
  }
}
