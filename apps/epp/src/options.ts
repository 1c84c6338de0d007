// SPDX-License-Identifier: Apache-2.0
import { describeFlags, FlagError, parseFlags, type ParsedFlags } from '@llm-d/app-process/flags';
import { parseTlsPolicy, type TlsPolicy } from '@llm-d/app-process/tls';
import {
  readLatencyPredictorSettings,
  type LatencyPredictorSettings,
} from '@llm-d/endpoint-picker';
import { readTracingEnvironment, type TracingSettings } from '@llm-d/telemetry';
import type { LogLevel } from '@llm-d/telemetry/pino';
import type { ResponseProcessing } from './ext-proc/session-context.ts';
import { eppFlags } from './flags/epp-flags.ts';
import {
  kubernetesOptions,
  type Environment,
  type KubernetesOptions,
} from './kubernetes/kubernetes-options.ts';

/** Everything an endpoint picker is told. Durations in milliseconds, sizes in bytes. */
export interface EppOptions {
  /** Address to listen on; undefined for every one. */
  readonly host: string | undefined;
  /** Ports; 0 lets the system choose. */
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly adminPort: number;
  /** Serves gRPC health on the ext_proc port as well. */
  readonly healthOnGrpcPort: boolean;
  /** How long requests are served once the end is near. */
  readonly drainTimeoutMs: number;

  readonly secure: boolean;
  /** Folder with `tls.crt` and `tls.key`; undefined for a self-signed certificate. */
  readonly certPath: string | undefined;
  readonly reloadsCert: boolean;
  readonly tlsPolicy: TlsPolicy;
  readonly maxReceiveBytes: number;
  readonly grpcTransport: 'http2' | 'grpc-js';
  readonly measuresStreams: boolean;

  /** File with an EndpointPickerConfig; undefined for the text or the built-in default. */
  readonly configFile: string | undefined;
  /** EndpointPickerConfig itself; never together with a file. */
  readonly configText: string | undefined;
  /** Whether changes of the file take effect while this runs. */
  readonly reloadsConfig: boolean;
  readonly allowExperimentalPlugins: boolean;
  /** Undefined where the configuration says where the endpoints are. */
  readonly kubernetes: KubernetesOptions | undefined;

  /** Whether metrics and debugging are for those only whom Kubernetes lets in. */
  readonly guardsMetrics: boolean;
  /** Folder with `tls.crt` and `tls.key` of the metrics port; undefined for plaintext. */
  readonly metricsCertPath: string | undefined;
  /** File with the certificates of those who may scrape; undefined for everybody. */
  readonly metricsClientCaFile: string | undefined;

  readonly honoursSubset: boolean;
  readonly emitEndpointScores: boolean;
  readonly destinationFallbacks: boolean;
  readonly maxBodyBytes: number;
  readonly responseProcessing: ResponseProcessing;
  readonly errorFormat: 'text' | 'openai';
  readonly repeatsHeaders: boolean;
  readonly forwardsTransferParams: boolean;

  readonly scrapeIntervalMs: number;
  readonly poolGaugesIntervalMs: number;
  readonly decisionLogCapacity: number;
  /** Where the latency predictor is. From llm-d's variables. */
  readonly latencyPredictor: LatencyPredictorSettings;
  /** Who sends it in `x-llm-d-debug` is told of the decision; undefined for nobody. From the variable EPP_DEBUG_SECRET. */
  readonly debugSecret: string | undefined;
  readonly logLevel: LogLevel;
  /** Exposes metrics under their former names as well. */
  readonly legacyMetrics: boolean;
  /** Undefined where no traces are made. */
  readonly tracing: TracingSettings | undefined;
  /** What of the environment is not heeded, for the log. */
  readonly notes: readonly string[];
}

/** What a command line asks for. */
export type Command =
  | { readonly kind: 'run'; readonly options: EppOptions }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' };

const HELP = `Usage: epp [flags]

Endpoint picker behind Envoy and other gateways: answers ext_proc with the model server that will serve each request
soonest.

Flags:
${describeFlags(eppFlags)}`;

/** Environment variables, whichever are set. */
type Variables = Environment | Readonly<Record<string, string | undefined>>;

/** What a command line means in an environment. Throws {@link FlagError}. */
export function readCommand(args: readonly string[], environment: Variables = {}): Command {
  const flags = parseFlags(eppFlags, args.map(asHelp));
  if (flags.values.help) return { kind: 'help', text: HELP };
  if (flags.values.version) return { kind: 'version' };
  return { kind: 'run', options: settle(flags, environment) };
}

const asHelp = (arg: string): string => (arg === '-h' ? '--help' : arg);

/** llm-d's default of gRPC. */
const DEFAULT_RECEIVE_BYTES = 4 * 1024 * 1024;

function settle(flags: ParsedFlags<typeof eppFlags>, environment: Variables): EppOptions {
  const { values } = flags;
  const configFile = given(values['config-file']);
  const configText = given(values['config-text']);
  if (configFile !== undefined && configText !== undefined) {
    throw new FlagError('--config-file and --config-text exclude each other');
  }
  const certPath = given(values['cert-path']);
  if (values['enable-cert-reload'] && certPath === undefined) {
    throw new FlagError('--enable-cert-reload needs --cert-path');
  }
  if (values['grpc-transport'] === 'grpc-js' && values['enable-cert-reload']) {
    throw new FlagError(
      '--grpc-transport grpc-js cannot change its certificate: leave --enable-cert-reload out',
    );
  }
  const kubernetes = kubernetesOptions(flags, environment);
  const tracing = values.tracing
    ? readTracingEnvironment({ ...environment }, { serviceName: 'llm-d-epp' })
    : undefined;
  const metricsCertPath = given(values['metrics-cert-dir']);
  const metricsClientCaFile = given(values['metrics-client-ca-file']);
  if (metricsClientCaFile !== undefined && metricsCertPath === undefined) {
    throw new FlagError('--metrics-client-ca-file needs --metrics-cert-dir');
  }
  const { EPP_DEBUG_SECRET: debugSecret } = { ...environment } as Readonly<
    Record<string, string | undefined>
  >;
  return {
    host: given(values['bind-address']),
    debugSecret: debugSecret === '' ? undefined : debugSecret,
    grpcPort: values['grpc-port'],
    healthPort: values['grpc-health-port'],
    adminPort: values['metrics-port'],
    healthOnGrpcPort: values['health-checking'],
    drainTimeoutMs: values['drain-timeout'],
    secure: values['secure-serving'],
    certPath,
    reloadsCert: values['enable-cert-reload'],
    tlsPolicy: parseTlsPolicy(values['tls-min-version'], values['tls-cipher-suites']),
    maxReceiveBytes: values['grpc-max-recv-msg-size'] || DEFAULT_RECEIVE_BYTES,
    grpcTransport: values['grpc-transport'],
    measuresStreams: values['enable-grpc-stream-metrics'],
    configFile,
    configText,
    reloadsConfig: values['config-reload'],
    allowExperimentalPlugins: values['allow-experimental-plugins'],
    kubernetes,
    // As llm-d: a list of endpoints in a file says nothing about an API server that could be asked.
    guardsMetrics: kubernetes !== undefined && values['metrics-endpoint-auth'],
    metricsCertPath,
    metricsClientCaFile,
    honoursSubset: !values['disable-endpoint-subset-filter'],
    emitEndpointScores: values['emit-endpoint-scores'],
    destinationFallbacks: values['destination-fallbacks'],
    maxBodyBytes: values['max-body-bytes'],
    responseProcessing: values['response-processing'],
    errorFormat: values['error-format'],
    repeatsHeaders: values['upstream-headers'],
    forwardsTransferParams: values['forward-kv-transfer-params'],
    scrapeIntervalMs: values['refresh-metrics-interval'],
    poolGaugesIntervalMs: values['refresh-prometheus-metrics-interval'],
    decisionLogCapacity: values['decision-log'],
    latencyPredictor: readLatencyPredictorSettings({ ...environment }),
    logLevel: logLevelOf(values['zap-log-level'], values.v),
    legacyMetrics: values['legacy-metrics'],
    tracing: tracing?.settings,
    notes: tracing?.warnings ?? [],
  };
}

const given = (text: string): string | undefined => (text === '' ? undefined : text);

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
