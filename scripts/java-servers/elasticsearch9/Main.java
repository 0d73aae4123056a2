/** One node of Elasticsearch 9 by itself. Arguments: an empty directory for all it writes, the port. */

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.spi.ToolProvider;
import org.elasticsearch.Build;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

class Main {
  public static void main(String[] args) throws Exception {
    LogConfigurator.configureESLogging();
    Path home = Path.of(args[0]);
    // A module is a directory with a description and a jar.
    Path module = Files.createDirectories(home.resolve("modules").resolve("http"));
    Files.write(module.resolve("plugin-descriptor.properties"), List.of(
        "name=http",
        "description=HTTP for tests",
        "version=1",
        "elasticsearch.version=" + Build.current().version(),
        "java.version=21",
        "classname=http.ElasticsearchHttp"));
    Path classes = home.resolve("classes");
    String source = System.getProperty("http.source");
    run("javac", "-nowarn", "-proc:none", "-cp", System.getProperty("java.class.path"), "-d", classes.toString(), source);
    run("jar", "--create", "--file", module.resolve("http.jar").toString(), "-C", classes.toString(), ".");
    Settings settings = Settings.builder()
        .put("path.home", home)
        .put("http.port", args[1])
        .put("http.type", "jdk")
        .put("transport.type", "alone")
        .put("network.host", "127.0.0.1")
        .put("discovery.type", "single-node")
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "tests");
    var modules = PluginsLoader.loadModulesBundles(environment.modulesDir(), false);
    new Node(environment, PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of(), false)).start();
    Thread.currentThread().join();
  }

  private static void run(String tool, String... args) {
    int code = ToolProvider.findFirst(tool).orElseThrow().run(System.err, System.err, args);
    if (code != 0) throw new IllegalStateException(tool + " failed");
  }
}
