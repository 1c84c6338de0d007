// SPDX-License-Identifier: Apache-2.0
import {
  duration,
  onOff,
  oneOf,
  port,
  ports,
  retired,
  size,
  text,
  wholeNumber,
} from '@llm-d/app-process/flags';

const MOVED =
  'moved to the core-metrics-extractor plugin: set engineConfigs there in the EndpointPickerConfig';

/** Every flag of llm-d's endpoint picker, with its name and its default, and ours. */
export const eppFlags = {
  help: onOff(false, 'Says what flags there are.'),
  version: onOff(false, 'Says which version this is.'),

  'config-file': text('', 'path', 'EndpointPickerConfig file.'),
  'config-reload': onOff(true, 'Takes over changes of --config-file while it runs.'),
  'config-text': text('', 'yaml', 'EndpointPickerConfig itself, in place of a file.'),
  'allow-experimental-plugins': onOff(false, 'Accepts plugins of stability alpha.'),

  'grpc-port': port(9002, 'Port for ext_proc, which proxies connect to.'),
  'grpc-health-port': port(9003, 'Port of the gRPC health service.'),
  'metrics-port': port(9090, 'Port for metrics, debugging and HTTP probes.'),
  'bind-address': text('', 'address', 'Address to listen on. Default every address.'),
  'health-checking': onOff(false, 'Serves gRPC health on the ext_proc port as well.'),
  'drain-timeout': duration(
    '30s',
    { leastMs: 0 },
    'After SIGTERM, how long requests are still served while health says NOT_SERVING.',
  ),

  'secure-serving': onOff(true, 'TLS on the ext_proc port.'),
  'cert-path': text(
    '',
    'folder',
    'Folder with tls.crt and tls.key. Default a self-signed certificate.',
  ),
  'enable-cert-reload': onOff(false, 'Follows changes of the files in --cert-path.'),
  'tls-min-version': text('', 'version', 'Lowest version of TLS: 1.2 or 1.3. Default 1.2.'),
  'tls-cipher-suites': text('', 'names', 'Cipher suites for TLS 1.2, separated by commas.'),
  'grpc-max-recv-msg-size': size('Largest gRPC message that is taken. Default 4MiB.'),
  'grpc-max-send-msg-size': size(
    'Accepted; messages to the proxy are small whatever is said here.',
  ),
  'grpc-transport': oneOf(
    ['http2', 'grpc-js'],
    'What speaks gRPC: our own HTTP/2 server, or grpc-js.',
  ),
  'enable-grpc-stream-metrics': onOff(false, 'Counts and measures ext_proc streams.'),

  'pool-name': text('', 'name', 'InferencePool to serve.'),
  'pool-namespace': text(
    '',
    'name',
    'Its namespace. Default the variable NAMESPACE, else default.',
  ),
  'pool-group': text('inference.networking.k8s.io', 'group', 'Its API group.'),
  kubeconfig: text(
    '',
    'path',
    'Cluster to look for pool and pods in. Default the variable KUBECONFIG, else the pod’s own cluster, else ~/.kube/config.',
  ),
  'endpoint-selector': text('', 'labels', 'Serves the pods with these labels instead of a pool.'),
  'endpoint-target-ports': ports('Ports of those pods, at most eight.'),
  'disable-endpoint-subset-filter': onOff(
    false,
    'Ignores the proxy’s hint which endpoints may be chosen.',
  ),
  'emit-endpoint-scores': onOff(
    false,
    'Tells the proxy what every endpoint scored, in dynamic metadata.',
  ),
  'destination-fallbacks': onOff(
    false,
    'Names further destinations behind the first one, for proxies that take a list.',
  ),

  'max-body-bytes': wholeNumber(
    32 * 1024 * 1024,
    { least: 1 },
    'Largest request body; a larger one gets 413.',
  ),
  'response-processing': oneOf(
    ['full', 'none'],
    'Whether answers pass through here. Without them there is no usage, no time to the first token and no load in flight.',
  ),
  'error-format': oneOf(
    ['text', 'openai'],
    'Errors as llm-d’s line of text, or as the API’s JSON with Retry-After.',
  ),
  'upstream-headers': onOff(
    false,
    'Repeats all headers to the proxy and marks answers as llm-d does.',
  ),
  'forward-kv-transfer-params': onOff(
    false,
    'Leaves the engines’ cache hand-over fields in bodies. For a coordinator in front, never for clients.',
  ),

  'refresh-metrics-interval': duration(
    '50ms',
    { leastMs: 50 },
    'Time between two scrapes of an endpoint.',
  ),
  'refresh-prometheus-metrics-interval': duration(
    '5s',
    { leastMs: 1 },
    'Time between two updates of the pool’s gauges.',
  ),
  'metrics-staleness-threshold': duration(
    '2s',
    { leastMs: 1 },
    'Accepted without effect: endpoints that cannot be scraped are left out.',
  ),
  'metrics-endpoint-auth': onOff(true, 'Asks Kubernetes whether a scrape is allowed.'),
  'metrics-cert-dir': text(
    '',
    'folder',
    'Folder with tls.crt and tls.key: TLS on the metrics port.',
  ),
  'metrics-client-ca-file': text('', 'path', 'Certificates of those who may scrape.'),
  'enable-pprof': onOff(true, 'Accepted; profiles of Go programs do not apply.'),
  'decision-log': wholeNumber(1000, { least: 0 }, 'Decisions kept for /debug/decisions.'),

  'ha-enable-leader-election': onOff(false, 'Only the leader of several replicas is ready.'),
  tracing: onOff(
    true,
    'Makes traces, and sends them as the variables OTEL_* say: a tenth of the requests over OTLP/gRPC to localhost:4317.',
  ),
  'legacy-metrics': onOff(true, 'Exposes metrics under their former names as well.'),
  v: wholeNumber(2, { least: -10, most: 10 }, 'Verbosity: from 4 on debug lines are written.'),
  'zap-encoder': oneOf(['json', 'console'], 'Accepted; lines are JSON.'),
  'zap-log-level': text('', 'level', 'debug, info, error, panic or a verbosity; goes before -v.'),
  'zap-devel': onOff(false, 'Accepted without effect.'),
  'zap-stacktrace-level': text('', 'level', 'Accepted without effect.'),
  'zap-time-encoding': text('', 'name', 'Accepted without effect.'),

  'total-queued-requests-metric': retired(MOVED),
  'total-running-requests-metric': retired(MOVED),
  'kv-cache-usage-percentage-metric': retired(MOVED),
  'lora-info-metric': retired(MOVED),
  'cache-info-metric': retired(MOVED),
};
