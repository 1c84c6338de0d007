// SPDX-License-Identifier: Apache-2.0
import { formatHostPort, endpointId, type EndpointIdentity } from '@llm-d/scheduler-core';
import { Command, InvalidArgumentError, Option } from 'commander';

/** Everything a gateway is told. Durations in milliseconds, sizes in bytes. */
export interface GatewayOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Servers given one by one. */
  readonly endpoints: readonly EndpointIdentity[];
  /** File that lists servers, followed while the gateway runs. */
  readonly endpointsFile: string | undefined;
  /** File with an EndpointPickerConfig; undefined for the text or the built-in default. */
  readonly configFile: string | undefined;
  /** EndpointPickerConfig itself; never together with a file. */
  readonly configText: string | undefined;
  /** Whether changes of the file take effect while the gateway runs. */
  readonly reloadsConfig: boolean;
  readonly allowExperimentalPlugins: boolean;
  readonly scrapeIntervalMs: number;
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  /** Requests in flight beyond which new ones are refused with 503. */
  readonly maxInFlight: number;
  /** Tries of one request on different servers, the first included. */
  readonly maxAttempts: number;
  /** Longest wait for a connection to a server. */
  readonly connectTimeoutMs: number;
  /** Longest wait for the head of an answer. */
  readonly responseTimeoutMs: number;
  /** Longest pause within an answer. */
  readonly idleTimeoutMs: number;
  /** How long requests in flight may take to finish at shutdown. */
  readonly drainTimeoutMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly decisionLogCapacity: number;
  /** Makes traces, which go where the environment says. */
  readonly tracing: boolean;
  /** Exposes metrics under their former names as well. */
  readonly legacyMetrics: boolean;
}

/**
 * The identity of a server given by URL, such as `http://10.0.0.7:8000`. Throws InvalidArgumentError for anything that
 * is no plain http origin.
 */
export function endpointOfUrl(text: string): EndpointIdentity {
  const url = URL.parse(text);
  if (url === null) throw new InvalidArgumentError(`"${text}" is not a URL`);
  if (url.protocol !== 'http:')
    throw new InvalidArgumentError(`"${text}" does not begin with http://`);
  if (url.pathname !== '/' || `${url.search}${url.hash}${url.username}${url.password}` !== '') {
    throw new InvalidArgumentError(`"${text}" has more than a host and a port`);
  }
  const address = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 80 : Number(url.port);
  const hostPort = formatHostPort(address, port);
  return {
    id: endpointId('default', hostPort, 0),
    namespace: 'default',
    name: hostPort,
    rank: 0,
    address,
    port,
    hostPort,
    labels: {},
  };
}

const wholeNumber =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      const end = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
      throw new InvalidArgumentError(`expected a whole number from ${least}${end}`);
    }
    return value;
  };

const collectEndpoint = (text: string, before: readonly EndpointIdentity[]) => [
  ...before,
  endpointOfUrl(text),
];

/** The gateway's command line; `run` gets what it says. */
export function gatewayCommand(
  version: string,
  run: (options: GatewayOptions) => Promise<void>,
): Command {
  return new Command('gateway')
    .description(
      'OpenAI-compatible gateway that places every request on the model server that will answer it soonest.',
    )
    .version(version)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on, 0 for any', wholeNumber(0, 65_535), 8080)
    .option(
      '--endpoint <url>',
      'a model server, such as http://10.0.0.7:8000 (repeatable)',
      collectEndpoint,
      [],
    )
    .addOption(
      new Option(
        '--endpoints-file <path>',
        'YAML or JSON file that lists model servers; followed while running',
      ).conflicts('endpoint'),
    )
    .option(
      '--config <path>',
      'EndpointPickerConfig file (default: queue 2, kv-cache-utilization 2, prefix-cache 3)',
    )
    .addOption(
      new Option('--config-text <yaml>', 'EndpointPickerConfig itself').conflicts('config'),
    )
    .option('--no-config-reload', 'read the EndpointPickerConfig file only at the start')
    .option('--allow-experimental-plugins', 'accept plugins of stability alpha', false)
    .option(
      '--refresh-metrics-interval <ms>',
      'time between two scrapes of a server',
      wholeNumber(10),
      50,
    )
    .option('--max-body-bytes <n>', 'largest request body', wholeNumber(1), 32 * 1024 * 1024)
    .option('--max-header-bytes <n>', 'largest request head', wholeNumber(1024), 32 * 1024)
    .option(
      '--max-in-flight <n>',
      'requests in flight beyond which new ones get 503',
      wholeNumber(1),
      20_000,
    )
    .option('--max-attempts <n>', 'tries of a request on different servers', wholeNumber(1), 3)
    .option(
      '--connect-timeout <ms>',
      'longest wait for a connection to a server',
      wholeNumber(1),
      2000,
    )
    .option(
      '--response-timeout <ms>',
      'longest wait for the head of an answer',
      wholeNumber(1),
      600_000,
    )
    .option('--idle-timeout <ms>', 'longest pause within an answer', wholeNumber(1), 300_000)
    .option(
      '--drain-timeout <ms>',
      'time for requests in flight to finish at shutdown',
      wholeNumber(0),
      30_000,
    )
    .option('--tracing', 'make traces and send them as the variables OTEL_* say', false)
    .option('--no-legacy-metrics', 'expose metrics under their present names only')
    .option('--decision-log <n>', 'decisions kept for /debug/decisions', wholeNumber(0), 1000)
    .addOption(
      new Option('--log-level <level>', 'least severe lines that are written')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .allowExcessArguments(false)
    .action(async (flags: Flags) => {
      await run(settle(flags));
    });
}

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly endpoint: readonly EndpointIdentity[];
  readonly endpointsFile?: string;
  readonly config?: string;
  readonly configText?: string;
  readonly configReload: boolean;
  readonly allowExperimentalPlugins: boolean;
  readonly refreshMetricsInterval: number;
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxInFlight: number;
  readonly maxAttempts: number;
  readonly connectTimeout: number;
  readonly responseTimeout: number;
  readonly idleTimeout: number;
  readonly drainTimeout: number;
  readonly decisionLog: number;
  readonly logLevel: GatewayOptions['logLevel'];
  readonly tracing: boolean;
  readonly legacyMetrics: boolean;
}

const settle = (flags: Flags): GatewayOptions => ({
  host: flags.host,
  port: flags.port,
  endpoints: flags.endpoint,
  endpointsFile: flags.endpointsFile,
  configFile: flags.config,
  configText: flags.configText,
  reloadsConfig: flags.configReload,
  allowExperimentalPlugins: flags.allowExperimentalPlugins,
  scrapeIntervalMs: flags.refreshMetricsInterval,
  maxBodyBytes: flags.maxBodyBytes,
  maxHeaderBytes: flags.maxHeaderBytes,
  maxInFlight: flags.maxInFlight,
  maxAttempts: flags.maxAttempts,
  connectTimeoutMs: flags.connectTimeout,
  responseTimeoutMs: flags.responseTimeout,
  idleTimeoutMs: flags.idleTimeout,
  drainTimeoutMs: flags.drainTimeout,
  decisionLogCapacity: flags.decisionLog,
  logLevel: flags.logLevel,
  tracing: flags.tracing,
  legacyMetrics: flags.legacyMetrics,
});
