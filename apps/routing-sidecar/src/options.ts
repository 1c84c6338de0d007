// SPDX-License-Identifier: Apache-2.0
import { describeFlags, FlagError, parseFlags, type ParsedFlags } from '@llm-d/app-process/flags';
import { parseTlsPolicy, type TlsPolicy } from '@llm-d/app-process/tls';
import { readTracingEnvironment, type TracingSettings } from '@llm-d/telemetry';
import type { LogLevel } from '@llm-d/telemetry/pino';
import { join } from 'node:path';
import { connectors } from './connectors/connector-table.ts';
import {
  connectorNames,
  type ConnectorName,
  type ConnectorSettings,
  type FailurePolicy,
} from './connectors/connector.ts';
import { configuredArgs } from './flags/configured-flags.ts';
import { sidecarFlags } from './flags/sidecar-flags.ts';
import type { BreakerSettings } from './prefill/circuit-breaker.ts';
import type { Transport } from './proxy/upstream.ts';
import type { ClusterLocation } from '@llm-d/kube-runtime';
import type { PoolName } from './routing/pool-allow-list.ts';
import { parseTarget, type Target } from './routing/target.ts';

/** Everything a routing sidecar is told. Durations in milliseconds, sizes in bytes. */
export interface SidecarOptions {
  /** Address to listen on; undefined for every one. */
  readonly host: string | undefined;
  /** Of rank 0; 0 lets the system choose one for every rank. */
  readonly port: number;
  /** Of rank 0 of the decode server. */
  readonly modelServerPort: number;
  readonly dataParallelSize: number;
  /** Our pod's address; undefined where it is not known. */
  readonly podIp: string | undefined;

  readonly connector: ConnectorName;
  readonly settings: ConnectorSettings;
  readonly samplesPrefillers: boolean;
  readonly prefillFailure: FailurePolicy;
  readonly prefillMaxRetries: number;
  readonly prefillRetryBackoffMs: number;
  readonly breaker: BreakerSettings;
  readonly engineCacheTtlMs: number;

  readonly connectTimeoutMs: number;
  readonly prefillTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly maxBodyBytes: number;

  /** Undefined for plaintext. */
  readonly tls: { readonly certPath: string | undefined; readonly policy: TlsPolicy } | undefined;
  readonly prefillTransport: Transport;
  readonly decodeTransport: Transport;

  /** Who may be asked; undefined for everybody. */
  readonly allowed:
    | {
        readonly pool: (PoolName & { readonly cluster: ClusterLocation }) | undefined;
        readonly targets: readonly Target[];
      }
    | undefined;

  /** Of the sidecar's own metrics; undefined for none. */
  readonly metricsPort: number | undefined;
  /** Undefined where no traces are made. */
  readonly tracing: TracingSettings | undefined;
  readonly logLevel: LogLevel;
  /** What of flags and environment is deprecated or not heeded, for the log. */
  readonly notes: readonly string[];
}

/** What a command line asks for. */
export type Command =
  | { readonly kind: 'run'; readonly options: SidecarOptions }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' };

const HELP = `Usage: routing-sidecar [flags]

Beside a decode server: has the prefiller that a request names compute the prompt, has the decode server fetch the result,
and streams its answer.

Flags:
${describeFlags(sidecarFlags)}`;

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a command line means is also in files. */
export interface CommandContext {
  readonly environment?: Environment;
  /** Reads a file of flags; throws what a file system throws. */
  readonly readFile?: (path: string) => string;
}

type Values = ParsedFlags<typeof sidecarFlags>['values'];

/** What a command line means in an environment. Throws FlagError. */
export function readCommand(
  args: readonly string[],
  { environment = {}, readFile = noFile }: CommandContext = {},
): Command {
  const typed = args.map((arg) => (arg === '-h' ? '--help' : arg));
  const first = parseFlags(sidecarFlags, typed);
  if (first.values.help) return { kind: 'help', text: HELP };
  if (first.values.version) return { kind: 'version' };
  const configured = configuredFlags(first, readFile);
  const flags = parseFlags(sidecarFlags, [...configured, ...typed]);
  return { kind: 'run', options: settle(flags, first.given, environment) };
}

function noFile(path: string): string {
  throw new FlagError(`--configuration-file: ${path} cannot be read`);
}

function configuredFlags(
  { values, given }: ParsedFlags<typeof sidecarFlags>,
  readFile: (path: string) => string,
): readonly string[] {
  const { configuration, 'configuration-file': path } = values;
  if (configuration !== '' && path !== '') {
    throw new FlagError('--configuration and --configuration-file exclude each other');
  }
  if (configuration !== '')
    return configuredArgs(configuration, { source: '--configuration', given });
  if (path === '') return [];
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FlagError(`--configuration-file: ${why}`, { cause: error });
  }
  return configuredArgs(text, { source: path, given });
}

function settle(
  { values, given }: ParsedFlags<typeof sidecarFlags>,
  typed: ReadonlySet<string>,
  environment: Environment,
): SidecarOptions {
  refuseUnsupported(values);
  const connector = connectorOf(values, given);
  const { notes, settings: tracing } = tracingOf(values, environment);
  const { tls, skipsVerify } = tlsStages(values);
  return {
    host: filled(values['bind-address']),
    port: values.port,
    modelServerPort: modelServerPortOf(values, { given, typed }),
    dataParallelSize: values['data-parallel-size'],
    podIp: filled(environment['POD_IP'] ?? ''),
    connector,
    settings: connectorSettings(values, given, environment),
    samplesPrefillers: given.has('enable-prefiller-sampling')
      ? values['enable-prefiller-sampling']
      : isTrue(environment['ENABLE_PREFILLER_SAMPLING']),
    prefillFailure: failurePolicyOf(connector, values, given),
    prefillMaxRetries: values['prefill-max-retries'],
    prefillRetryBackoffMs: values['prefill-retry-backoff'],
    breaker: { failures: values['breaker-failures'], openMs: values['breaker-open-time'] },
    engineCacheTtlMs: values['engine-cache-ttl'],
    connectTimeoutMs: values['connect-timeout'],
    prefillTimeoutMs: values['prefill-timeout'],
    responseTimeoutMs: values['response-timeout'],
    idleTimeoutMs: values['idle-timeout'],
    requestTimeoutMs: values['request-timeout'],
    drainTimeoutMs: values['drain-timeout'],
    maxBodyBytes: values['max-body-bytes'],
    tls: servesTls(values, given)
      ? {
          certPath: filled(values['cert-path']),
          policy: parseTlsPolicy(values['tls-min-version'], values['tls-cipher-suites']),
        }
      : undefined,
    prefillTransport: { tls: tls.has('prefiller'), skipsVerify: skipsVerify.has('prefiller') },
    decodeTransport: { tls: tls.has('decoder'), skipsVerify: skipsVerify.has('decoder') },
    allowed: allowedOf(values, given, environment),
    metricsPort: values['metrics-port'] === 0 ? undefined : values['metrics-port'],
    tracing,
    logLevel: logLevelOf(values['zap-log-level'], values.v),
    notes: [...deprecations(given), ...notes],
  };
}

const filled = (text: string): string | undefined => (text === '' ? undefined : text);

const isTrue = (text: string | undefined): boolean =>
  ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text ?? '');

function refuseUnsupported(values: Values): void {
  if (values['ec-connector'] !== '') {
    throw new FlagError(`--ec-connector=${values['ec-connector']}: encoders are not supported`);
  }
  if (values['decode-chunk-size'] > 0) {
    throw new FlagError('--decode-chunk-size: decoding in chunks is not supported');
  }
}

/** Former names of flags, and what to say instead. */
const DEPRECATED: Readonly<Record<string, string>> = {
  'vllm-port': '--model-server-port',
  connector: '--kv-connector',
  'secure-proxy': '--secure-serving',
  'prefiller-use-tls': '--enable-tls=prefiller',
  'decoder-use-tls': '--enable-tls=decoder',
  'prefiller-tls-insecure-skip-verify': '--tls-insecure-skip-verify=prefiller',
  'decoder-tls-insecure-skip-verify': '--tls-insecure-skip-verify=decoder',
  'inference-pool-namespace': '--inference-pool',
  'inference-pool-name': '--inference-pool',
};

const deprecations = (given: ReadonlySet<string>): readonly string[] =>
  Object.entries(DEPRECATED)
    .filter(([name]) => given.has(name))
    .map(([name, instead]) => `--${name} is deprecated: use ${instead}`);

function connectorOf(values: Values, given: ReadonlySet<string>): ConnectorName {
  if (!given.has('connector') || given.has('kv-connector')) return values['kv-connector'];
  const name = connectorNames.find((candidate) => candidate === values.connector);
  if (name !== undefined) return name;
  throw new FlagError(
    `invalid argument "${values.connector}" for --connector: expected one of ${connectorNames.join(', ')}; LMCache is served by nixlv2 or shared-storage`,
  );
}

/** What was typed goes before what a file says, under whichever name. */
function modelServerPortOf(
  values: Values,
  { given, typed }: { readonly given: ReadonlySet<string>; readonly typed: ReadonlySet<string> },
): number {
  const names = ['model-server-port', 'vllm-port'] as const;
  const name = names.find((flag) => typed.has(flag)) ?? names.find((flag) => given.has(flag));
  return values[name ?? 'model-server-port'];
}

const servesTls = (values: Values, given: ReadonlySet<string>): boolean =>
  given.has('secure-proxy') && !given.has('secure-serving')
    ? values['secure-proxy']
    : values['secure-serving'];

function tlsStages(values: Values) {
  const withFormer = (
    stages: readonly string[],
    former: { readonly prefiller: boolean; readonly decoder: boolean },
  ): ReadonlySet<string> =>
    new Set([
      ...stages,
      ...(former.prefiller ? ['prefiller'] : []),
      ...(former.decoder ? ['decoder'] : []),
    ]);
  return {
    tls: withFormer(values['enable-tls'], {
      prefiller: values['prefiller-use-tls'],
      decoder: values['decoder-use-tls'],
    }),
    skipsVerify: withFormer(values['tls-insecure-skip-verify'], {
      prefiller: values['prefiller-tls-insecure-skip-verify'],
      decoder: values['decoder-tls-insecure-skip-verify'],
    }),
  };
}

function connectorSettings(
  values: Values,
  given: ReadonlySet<string>,
  environment: Environment,
): ConnectorSettings {
  const portOf = (
    flag: 'mooncake-bootstrap-port' | 'p2p-connector-port',
    variable: string,
  ): number => (given.has(flag) ? values[flag] : portFrom(environment, variable, values[flag]));
  if (values['enable-p2p-pull'] && connectorOf(values, given) !== 'nixlv2') {
    throw new FlagError(
      '--enable-p2p-pull is for --kv-connector=nixlv2; offloading pulls without it',
    );
  }
  return {
    sglangBootstrapPort: portFrom(environment, 'SGLANG_BOOTSTRAP_PORT', 8998),
    mooncakeBootstrapPort: portOf('mooncake-bootstrap-port', 'MOONCAKE_BOOTSTRAP_PORT'),
    p2pConnectorPort: portOf('p2p-connector-port', 'P2P_CONNECTOR_PORT'),
    basePort: values.port,
    dataParallelSize: values['data-parallel-size'],
    pullsFromPeers: values['enable-p2p-pull'],
  };
}

function portFrom(environment: Environment, variable: string, initial: number): number {
  const text = filled(environment[variable] ?? '');
  if (text === undefined) return initial;
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new FlagError(`invalid value "${text}" of the variable ${variable}: expected a port`);
}

function failurePolicyOf(
  connector: ConnectorName,
  values: Values,
  given: ReadonlySet<string>,
): FailurePolicy {
  const { failurePolicies } = connectors[connector];
  const policy = given.has('prefill-failure') ? values['prefill-failure'] : failurePolicies[0];
  if (failurePolicies.includes(policy)) return policy;
  throw new FlagError(
    `--prefill-failure=${policy}: a decode server of ${connector} cannot compute prompts; expected one of ${failurePolicies.join(', ')}`,
  );
}

function allowedOf(
  values: Values,
  given: ReadonlySet<string>,
  environment: Environment,
): SidecarOptions['allowed'] {
  const pool = poolOf(values, environment);
  const targets = values['allowed-targets'].map((text) => {
    const target = parseTarget(text);
    if (target !== undefined) return target;
    throw new FlagError(`invalid argument "${text}" for --allowed-targets: expected host:port`);
  });
  const isKnown = pool !== undefined || targets.length > 0;
  const isWanted = given.has('enable-ssrf-protection') ? values['enable-ssrf-protection'] : isKnown;
  if (!isWanted) return undefined;
  if (pool !== undefined && pool.group !== POOL_GROUP) {
    throw new FlagError(`--pool-group=${pool.group}: only ${POOL_GROUP} is supported`);
  }
  if (!isKnown) {
    throw new FlagError('--enable-ssrf-protection needs --inference-pool or --allowed-targets');
  }
  return {
    pool: pool && { ...pool, cluster: clusterOf(values.kubeconfig, environment) },
    targets,
  };
}

const POOL_GROUP = 'inference.networking.k8s.io';

function poolOf(values: Values, environment: Environment): PoolName | undefined {
  const group = values['pool-group'];
  const said = filled(values['inference-pool']) ?? filled(environment['INFERENCE_POOL'] ?? '');
  if (said !== undefined) {
    const [first = '', second, ...more] = said.split('/');
    if (first === '' || second === '' || more.length > 0) {
      throw new FlagError(
        `invalid argument "${said}" for --inference-pool: expected namespace/name or name`,
      );
    }
    return second === undefined
      ? { group, namespace: 'default', name: first }
      : { group, namespace: first, name: second };
  }
  const namespace =
    filled(values['inference-pool-namespace']) ??
    filled(environment['INFERENCE_POOL_NAMESPACE'] ?? '');
  const name =
    filled(values['inference-pool-name']) ?? filled(environment['INFERENCE_POOL_NAME'] ?? '');
  return name === undefined ? undefined : { group, namespace: namespace ?? 'default', name };
}

/** As kubectl and controllers look for it. */
function clusterOf(path: string, environment: Environment): ClusterLocation {
  const [first = ''] = (environment['KUBECONFIG'] ?? '').split(':');
  const kubeconfig = filled(path) ?? filled(first);
  if (kubeconfig !== undefined) return { kind: 'kubeconfig', path: kubeconfig };
  const host = filled(environment['KUBERNETES_SERVICE_HOST'] ?? '');
  const port = filled(environment['KUBERNETES_SERVICE_PORT'] ?? '');
  if (host !== undefined && port !== undefined) return { kind: 'in-cluster', host, port };
  const home = environment['HOME'] ?? '/root';
  return { kind: 'kubeconfig', path: join(home, '.kube', 'config') };
}

function tracingOf(values: Values, environment: Environment) {
  if (!values.tracing) return { settings: undefined, notes: [] };
  const { settings, warnings } = readTracingEnvironment(
    { ...environment },
    { serviceName: 'llm-d-routing-sidecar' },
  );
  return { settings, notes: warnings };
}

const WORDS: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  error: 'error',
  panic: 'silent',
};

/** Verbosities as in llm-d: 4 is debug, below that everything that is not worth a warning is information. */
function logLevelOf(word: string, verbosity: number): LogLevel {
  const named = WORDS[word.toLowerCase()];
  if (named !== undefined) return named;
  if (word !== '' && !/^\d+$/.test(word)) {
    throw new FlagError(
      `invalid argument "${word}" for --zap-log-level: expected debug, info, error, panic or a number`,
    );
  }
  return (word === '' ? verbosity : Number(word)) >= 4 ? 'debug' : 'info';
}
