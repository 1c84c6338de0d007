// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  addressSubject,
  commandSubject,
  type FleetEndpoint,
  type GrpcAddress,
  type RunningDiscovery,
  type Subject,
  type Transport,
} from '@llm-d/epp-conformance';
import { ConformanceFlagError } from './conformance-error.ts';

/** Flags that say which endpoint picker is judged. */
export interface SubjectFlags {
  readonly command?: string;
  readonly address?: string;
  readonly transport: Transport | 'auto';
  readonly health?: string;
  readonly metrics?: string;
  readonly discovery: 'file' | 'none';
  readonly endpointsFile?: string;
  readonly endpoints?: string;
}

/** The endpoint picker that flags name. Throws {@link ConformanceFlagError}. */
export function subjectOf(
  flags: SubjectFlags,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Subject {
  const { command, address, transport, health, metrics } = flags;
  if ((command === undefined) === (address === undefined)) {
    throw new ConformanceFlagError('say either --command or --address');
  }
  if (command !== undefined) {
    if (!command.includes('{GRPC}')) {
      throw new ConformanceFlagError('--command needs {GRPC} where the ext_proc port goes');
    }
    return commandSubject(command, { clock, transport, signal });
  }
  return addressSubject(addressOf('--address', address ?? ''), {
    clock,
    transport,
    discovery: discoveryOf(flags),
    health: health === undefined ? undefined : addressOf('--health', health),
    metricsUrl: metrics === undefined ? undefined : metricsUrlOf(metrics),
  });
}

function discoveryOf({ discovery, endpointsFile, endpoints }: SubjectFlags): RunningDiscovery {
  if (discovery === 'file') {
    if (endpointsFile === undefined) {
      throw new ConformanceFlagError(
        '--address needs --endpoints-file with the file that the endpoint picker watches, or --discovery none with --endpoints',
      );
    }
    return { kind: 'file', path: endpointsFile };
  }
  const all = (endpoints ?? '').split(',').filter((endpoint) => endpoint !== '');
  if (all.length === 0) {
    throw new ConformanceFlagError(
      '--discovery none needs --endpoints with the endpoints there are',
    );
  }
  return { kind: 'none', endpoints: all.map(endpointOf) };
}

function endpointOf(text: string, i: number): FleetEndpoint {
  const { host, port } = addressOf('--endpoints', text.trim());
  return { name: `endpoint-${i}`, address: host, port };
}

/** Reads `host:port`, an IPv6 address in brackets. */
function addressOf(flag: string, text: string): GrpcAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw new ConformanceFlagError(`${flag}: expected host:port, got ${text}`);
  }
  return { host, port };
}

/** A URL as it is, where it names a page; else, and of host and port, the page `/metrics`. */
function metricsUrlOf(text: string): string {
  if (/^https?:\/\//.test(text)) return text.replace(/^(https?:\/\/[^/]+)\/?$/, '$1/metrics');
  addressOf('--metrics', text);
  return `http://${text}/metrics`;
}
