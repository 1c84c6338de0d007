// SPDX-License-Identifier: Apache-2.0
import {
  duration,
  onOff,
  oneOf,
  port,
  retired,
  text,
  texts,
  wholeNumber,
  wordsOf,
} from '@llm-d/app-process/flags';

const TLS_STAGES = ['prefiller', 'decoder', 'encoder'] as const;
const NO_MORIIO = 'MoRI-IO is not supported; leave its flags out';

/** Every flag of llm-d's routing sidecar, with its name and its default, those of former versions, and ours. */
export const sidecarFlags = {
  help: onOff(false, 'Says what flags there are.'),
  version: onOff(false, 'Says which version this is.'),

  port: port(8000, 'Port to listen on; with data parallelism that of rank 0.'),
  'bind-address': text('', 'address', 'Address to listen on. Default every address.'),
  'model-server-port': port(
    8200,
    'Port of the local decode server; with data parallelism that of rank 0.',
  ),
  'data-parallel-size': wholeNumber(
    1,
    { least: 1, most: 64 },
    'Data-parallel ranks of the decode server: a port for each, which leads to its own.',
  ),

  'kv-connector': oneOf(
    ['nixlv2', 'shared-storage', 'sglang', 'mooncake', 'offloading'],
    'How prefiller and decode server hand over caches.',
  ),
  'mooncake-bootstrap-port': port(
    8998,
    'Where Mooncake’s prefillers say which engines they are. Default the variable MOONCAKE_BOOTSTRAP_PORT, else 8998.',
  ),
  'p2p-connector-port': port(
    7777,
    'Where engines pull caches from each other; rank r uses this port + r. Default the variable P2P_CONNECTOR_PORT, else 7777.',
  ),
  'enable-p2p-pull': onOff(
    false,
    'Engines can pull prefixes from each other although they hand over caches with nixlv2.',
  ),
  'enable-prefiller-sampling': onOff(
    false,
    'Begins with a random one of the prefillers that a request names. Default the variable ENABLE_PREFILLER_SAMPLING, else the first.',
  ),

  'prefill-failure': oneOf(
    ['retry', 'error', 'local-prefill'],
    'When a prefiller fails: the others that the request names are tried (retry), its error is the answer (error), or the others are tried and then the decode server does it (local-prefill).',
  ),
  'prefill-max-retries': wholeNumber(
    0,
    { least: 0, most: 100 },
    'How often the same prefiller is asked again after a 502, 503 or 504.',
  ),
  'prefill-retry-backoff': duration('200ms', { leastMs: 0 }, 'Time before it is asked again.'),
  'breaker-failures': wholeNumber(
    5,
    { least: 0 },
    'Failures in a row after which a prefiller is left out; 0 for never.',
  ),
  'breaker-open-time': duration(
    '10s',
    { leastMs: 1 },
    'How long, before one request may find out whether it is well.',
  ),
  'engine-cache-ttl': duration(
    '1m',
    { leastMs: 0 },
    'How long it is believed which engines run behind a prefiller (mooncake).',
  ),

  'connect-timeout': duration('5s', { leastMs: 1 }, 'Longest time to connect to a server.'),
  'prefill-timeout': duration('10m', { leastMs: 1 }, 'Longest time that a prefill may take.'),
  'response-timeout': duration(
    '1h',
    { leastMs: 1 },
    'Longest time until the decode server begins its answer; without streaming that is all of it.',
  ),
  'idle-timeout': duration(
    '10m',
    { leastMs: 1 },
    'Longest pause within an answer, by the server or by the client.',
  ),
  'request-timeout': duration(
    '5m',
    { leastMs: 1 },
    'Longest time that a request may take to arrive.',
  ),
  'drain-timeout': duration(
    '60s',
    { leastMs: 0 },
    'After SIGTERM, how long requests may take to end.',
  ),
  'max-body-bytes': wholeNumber(
    128 * 1024 * 1024,
    { least: 1 },
    'Largest body of a request; a larger one gets 413.',
  ),
  'max-idle-conns-per-host': wholeNumber(
    1024,
    { least: 0 },
    'Accepted without effect: idle connections are closed after four seconds.',
  ),

  'secure-serving': onOff(true, 'Serves HTTPS.'),
  'cert-path': text(
    '',
    'folder',
    'Folder with tls.crt and tls.key, which are followed. Default a self-signed certificate.',
  ),
  'tls-min-version': text('', 'version', 'Lowest version of TLS: 1.2 or 1.3. Default 1.2.'),
  'tls-cipher-suites': text('', 'names', 'Cipher suites for TLS 1.2, separated by commas.'),
  'enable-tls': wordsOf(TLS_STAGES, 'Servers that speak TLS.'),
  'tls-insecure-skip-verify': wordsOf(TLS_STAGES, 'Servers whose certificates are not checked.'),

  'enable-ssrf-protection': onOff(
    false,
    'Asks only servers of the InferencePool or of --allowed-targets. Default on where one of them is given.',
  ),
  'inference-pool': text(
    '',
    'namespace/name',
    'InferencePool of the prefillers; without namespace in default. Default the variable INFERENCE_POOL.',
  ),
  'pool-group': text('inference.networking.k8s.io', 'group', 'Its API group.'),
  'allowed-targets': texts(
    'host:port',
    'Servers that may be asked, without Kubernetes or besides the pool.',
  ),
  kubeconfig: text(
    '',
    'path',
    'Cluster to look for the pool in. Default the variable KUBECONFIG, else the pod’s own cluster, else ~/.kube/config.',
  ),

  'metrics-port': port(0, 'Port of the sidecar’s own /metrics, /healthz and /readyz; 0 for none.'),
  tracing: onOff(false, 'Makes traces, and sends them as the variables OTEL_* say.'),
  configuration: text(
    '',
    'yaml',
    'Flags by their names, as YAML or JSON. Those of the command line go before.',
  ),
  'configuration-file': text('', 'path', 'The same in a file.'),

  v: wholeNumber(2, { least: -10, most: 10 }, 'Verbosity: from 4 on debug lines are written.'),
  'zap-encoder': oneOf(['json', 'console'], 'Accepted; lines are JSON.'),
  'zap-log-level': text('', 'level', 'debug, info, error, panic or a verbosity; goes before -v.'),
  'zap-devel': onOff(false, 'Accepted without effect.'),
  'zap-stacktrace-level': text('', 'level', 'Accepted without effect.'),
  'zap-time-encoding': text('', 'name', 'Accepted without effect.'),

  'vllm-port': port(8200, 'Former name of --model-server-port.'),
  connector: text('', 'name', 'Former name of --kv-connector.'),
  'secure-proxy': onOff(true, 'Former name of --secure-serving.'),
  'prefiller-use-tls': onOff(false, 'Former way to say --enable-tls=prefiller.'),
  'decoder-use-tls': onOff(false, 'Former way to say --enable-tls=decoder.'),
  'prefiller-tls-insecure-skip-verify': onOff(
    false,
    'Former way to say --tls-insecure-skip-verify=prefiller.',
  ),
  'decoder-tls-insecure-skip-verify': onOff(
    false,
    'Former way to say --tls-insecure-skip-verify=decoder.',
  ),
  'inference-pool-namespace': text('', 'name', 'Former way to say --inference-pool.'),
  'inference-pool-name': text('', 'name', 'Former way to say --inference-pool.'),

  'ec-connector': text('', 'name', 'Encoders are not supported: anything but nothing is refused.'),
  'decode-chunk-size': wholeNumber(
    0,
    { least: 0 },
    'Decoding in chunks is not supported: anything but 0 is refused.',
  ),
  'moriio-write-mode': retired(NO_MORIIO),
  'moriio-parallel-dispatch': retired(NO_MORIIO),
  'moriio-parallel-decode-wait-timeout': retired(NO_MORIIO),
  'moriio-dp-size': retired(NO_MORIIO),
  'moriio-dp-size-local': retired(NO_MORIIO),
  'moriio-tp-size': retired(NO_MORIIO),
  'moriio-remote-hosts': retired(NO_MORIIO),
  'moriio-decode-hosts': retired(NO_MORIIO),
  'moriio-local-pod-ip': retired(NO_MORIIO),
  'moriio-decode-notify-port': retired(NO_MORIIO),
  'moriio-decode-handshake-port': retired(NO_MORIIO),
  'moriio-prefill-notify-port': retired(NO_MORIIO),
  'moriio-prefill-handshake-port': retired(NO_MORIIO),
};
