// SPDX-License-Identifier: Apache-2.0
import type { ClusterLocation } from '@llm-d/kube-runtime';
import { parseLabelSelector } from '@llm-d/endpoint-picker';
import type { LogLevel } from '@llm-d/telemetry/pino';
import { Command, InvalidArgumentError, Option } from 'commander';
import { join } from 'node:path';
import type { EnginePorts } from './engines/engine.ts';
import type { Shard } from './relay/relay.ts';

/** Where the engines are listed. */
export type EngineSource =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'kubernetes';
      readonly cluster: ClusterLocation;
      readonly namespace: string;
      readonly labelSelector: string;
      readonly servingPort: number;
      readonly engineContainer: string | undefined;
    };

export interface NatsOptions {
  readonly servers: readonly string[];
  readonly stream: string | undefined;
  readonly storage: 'file' | 'memory' | undefined;
  readonly replicas: number | undefined;
  readonly maxAgeMs: number | undefined;
  readonly maxBytes: number | undefined;
  /** Files; undefined for none. */
  readonly credsFile: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly token: string | undefined;
}

/** Everything a relay is told. Durations in milliseconds, sizes in bytes. */
export interface RelayOptions {
  readonly nats: NatsOptions;
  readonly engines: EngineSource;
  readonly ports: EnginePorts;
  readonly topicFilter: string;
  readonly model: string | undefined;
  readonly shard: Shard;
  readonly drainTimeoutMs: number;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly adminPort: number;
  readonly logLevel: LogLevel;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

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

function shardOf(text: string): Shard {
  const [, index, count] = /^(\d{1,2})\/(\d{1,2})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (index === undefined || shard.index >= shard.count) {
    throw new InvalidArgumentError('expected which of how many, such as 0/2 and 1/2');
  }
  return shard;
}

function selectorOf(text: string): string {
  if (parseLabelSelector(text) !== undefined) return text;
  throw new InvalidArgumentError('expected labels such as app=vllm,role=decode');
}

const serversOf = (text: string): readonly string[] => text.split(',').map((part) => part.trim());

/** The relay's command line in an environment; `run` gets what it says. */
export function relayCommand(
  version: string,
  environment: Environment,
  run: (options: RelayOptions) => Promise<void>,
): Command {
  const from = (name: string): string | undefined => environment[name] || undefined;
  return new Command('kv-relay')
    .description(
      'Follows the KV events of engines, closes their gaps by replays, and publishes them to NATS JetStream.',
    )
    .version(version)
    .addOption(
      new Option('--nats <urls>', 'NATS servers, by commas (variable NATS_URL)')
        .argParser(serversOf)
        .default(serversOf(from('NATS_URL') ?? 'nats://127.0.0.1:4222')),
    )
    .option('--nats-stream <name>', 'stream to publish to (default: KV_EVENTS)')
    .addOption(
      new Option('--nats-storage <kind>', 'where a stream that is made keeps messages').choices([
        'file',
        'memory',
      ]),
    )
    .option('--nats-replicas <n>', 'servers that each have the stream', wholeNumber(1, 5))
    .option('--nats-max-age <ms>', 'how long messages are kept', wholeNumber(1000))
    .option('--nats-max-bytes <n>', 'how much is kept', wholeNumber(1_000_000))
    .option('--nats-creds <path>', 'credentials file (variable NATS_CREDS)', from('NATS_CREDS'))
    .option('--nats-ca <path>', 'authorities to believe, PEM (variable NATS_CA)', from('NATS_CA'))
    .option('--nats-cert <path>', 'certificate, PEM (variable NATS_CERT)', from('NATS_CERT'))
    .option('--nats-key <path>', 'its key, PEM (variable NATS_KEY)', from('NATS_KEY'))
    .addOption(
      new Option(
        '--endpoints <path>',
        'YAML or JSON file that lists engines; followed while running',
      ).conflicts('kubeLabelSelector'),
    )
    .option('--kube-label-selector <labels>', 'pods that are engines, by labels', selectorOf)
    .option(
      '--namespace <name>',
      'of the pods (variable NAMESPACE)',
      from('NAMESPACE') ?? 'default',
    )
    .option('--kubeconfig <path>', 'how to reach the API server (variable KUBECONFIG)')
    .option('--serving-port <n>', 'where pods serve requests', wholeNumber(1, 65_535), 8000)
    .option('--engine-container <name>', 'container whose restarts count (default: all)')
    .option('--socket-port <n>', 'where engines publish', wholeNumber(1, 65_535), 5557)
    .option(
      '--replay-port <n>',
      'where they answer replays (default: nowhere)',
      wholeNumber(1, 65_535),
    )
    .option('--dp-size <n>', 'data-parallel ranks of an engine', wholeNumber(1, 1024), 1)
    .option('--topic-filter <prefix>', 'topics to subscribe to', 'kv@')
    .option('--model <name>', 'model of all engines (default: as topics say)')
    .option('--shard <i/n>', 'which of n relays this is, from 0', shardOf, { index: 0, count: 1 })
    .option(
      '--drain-timeout <ms>',
      'time to publish what is held at the end',
      wholeNumber(0),
      10_000,
    )
    .option('--host <address>', 'address of the admin port', '::')
    .option(
      '--admin-port <n>',
      'metrics, probes, debugging; 0 for any',
      wholeNumber(0, 65_535),
      9090,
    )
    .addOption(
      new Option('--log-level <level>', 'least severe lines that are written (variable LOG_LEVEL)')
        .choices(LOG_LEVELS)
        .default(from('LOG_LEVEL') ?? 'info'),
    )
    .allowExcessArguments(false)
    .action(async (flags: Flags, command: Command) => {
      await run(settle(flags, { environment, command }));
    });
}

interface Flags {
  readonly nats: readonly string[];
  readonly natsStream?: string;
  readonly natsStorage?: 'file' | 'memory';
  readonly natsReplicas?: number;
  readonly natsMaxAge?: number;
  readonly natsMaxBytes?: number;
  readonly natsCreds?: string;
  readonly natsCa?: string;
  readonly natsCert?: string;
  readonly natsKey?: string;
  readonly endpoints?: string;
  readonly kubeLabelSelector?: string;
  readonly namespace: string;
  readonly kubeconfig?: string;
  readonly servingPort: number;
  readonly engineContainer?: string;
  readonly socketPort: number;
  readonly replayPort?: number;
  readonly dpSize: number;
  readonly topicFilter: string;
  readonly model?: string;
  readonly shard: Shard;
  readonly drainTimeout: number;
  readonly host: string;
  readonly adminPort: number;
  readonly logLevel: LogLevel;
}

interface Setting {
  readonly environment: Environment;
  readonly command: Command;
}

function settle(flags: Flags, { environment, command }: Setting): RelayOptions {
  const { socketPort, replayPort, dpSize } = flags;
  if (replayPort !== undefined && Math.abs(replayPort - socketPort) < dpSize) {
    command.error(
      'error: --socket-port and --replay-port are nearer to each other than --dp-size: ranks would share a port',
    );
  }
  return {
    nats: {
      servers: flags.nats,
      stream: flags.natsStream,
      storage: flags.natsStorage,
      replicas: flags.natsReplicas,
      maxAgeMs: flags.natsMaxAge,
      maxBytes: flags.natsMaxBytes,
      credsFile: flags.natsCreds,
      caFile: flags.natsCa,
      certFile: flags.natsCert,
      keyFile: flags.natsKey,
      token: environment['NATS_TOKEN'] || undefined,
    },
    engines: engineSource(flags, { environment, command }),
    ports: { socketPort, replayPort, dpSize },
    topicFilter: flags.topicFilter,
    model: flags.model,
    shard: flags.shard,
    drainTimeoutMs: flags.drainTimeout,
    host: flags.host,
    adminPort: flags.adminPort,
    logLevel: flags.logLevel,
  };
}

function engineSource(flags: Flags, { environment, command }: Setting): EngineSource {
  if (flags.endpoints !== undefined) return { kind: 'file', path: flags.endpoints };
  if (flags.kubeLabelSelector === undefined) {
    return command.error(
      'error: one of --endpoints and --kube-label-selector says where the engines are',
    );
  }
  return {
    kind: 'kubernetes',
    cluster: clusterOf(flags.kubeconfig, environment),
    namespace: flags.namespace,
    labelSelector: flags.kubeLabelSelector,
    servingPort: flags.servingPort,
    engineContainer: flags.engineContainer,
  };
}

/** As kubectl and controllers look for it. */
function clusterOf(path: string | undefined, environment: Environment): ClusterLocation {
  const [first] = (environment['KUBECONFIG'] ?? '').split(':');
  const kubeconfig = path ?? (first || undefined);
  if (kubeconfig !== undefined) return { kind: 'kubeconfig', path: kubeconfig };
  const host = environment['KUBERNETES_SERVICE_HOST'] || undefined;
  const port = environment['KUBERNETES_SERVICE_PORT'] || undefined;
  if (host !== undefined && port !== undefined) return { kind: 'in-cluster', host, port };
  return { kind: 'kubeconfig', path: join(environment['HOME'] ?? '/root', '.kube', 'config') };
}
