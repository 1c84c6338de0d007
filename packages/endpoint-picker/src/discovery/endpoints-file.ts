// SPDX-License-Identifier: Apache-2.0
import { endpointId, formatHostPort, type EndpointIdentity } from '@llm-d/scheduler-core';
import { isIP } from 'node:net';
import { parseDocument } from 'yaml';
import * as z from 'zod';

/** Largest endpoints file that is read. */
export const MAX_ENDPOINTS_FILE_BYTES = 1024 * 1024;

/** A file that holds no list of endpoints at all; the fleet keeps what it had. */
export class EndpointsFileError extends Error {
  readonly code = 'INVALID_ENDPOINTS_FILE';
  readonly path: string;
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem}`, options);
    this.name = 'EndpointsFileError';
    this.path = path;
  }
}

/** What a file says: endpoints in its order, and what was wrong with the entries that were left out. */
export interface EndpointsFile {
  readonly endpoints: readonly EndpointIdentity[];
  readonly problems: readonly string[];
}

const file = z.object({ endpoints: z.array(z.unknown()) });
const entry = z.strictObject({
  name: z.string().min(1),
  namespace: z.string().min(1).default('default'),
  address: z.string().refine((address) => isIP(address) !== 0, 'expected an IP address'),
  port: z
    .union([z.string().regex(/^\d+$/, 'expected a port number'), z.int()])
    .transform(Number)
    .pipe(z.int().min(1).max(65_535)),
  labels: z.record(z.string(), z.string()).default({}),
});

/**
 * Reads the endpoints file of llm-d's `file-discovery`: YAML or JSON with
 * `endpoints: [{name, namespace?, address, port, labels?}]`. An entry that makes no sense or repeats an earlier
 * one is left out and reported; text that is no such file throws {@link EndpointsFileError} naming `path`.
 */
export function parseEndpointsFile(text: string, path: string): EndpointsFile {
  if (Buffer.byteLength(text) > MAX_ENDPOINTS_FILE_BYTES) {
    throw new EndpointsFileError(path, `larger than ${MAX_ENDPOINTS_FILE_BYTES} bytes`);
  }
  const document = parseDocument(text);
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    throw new EndpointsFileError(path, syntaxError.message, { cause: syntaxError });
  }
  const parsed = file.safeParse(document.toJS());
  if (!parsed.success) {
    throw new EndpointsFileError(path, 'expected a list under "endpoints"', {
      cause: parsed.error,
    });
  }
  return readEntries(parsed.data.endpoints);
}

function readEntries(entries: readonly unknown[]): EndpointsFile {
  const endpoints = new Map<string, EndpointIdentity>();
  const problems: string[] = [];
  entries.forEach((raw, i) => {
    const parsed = entry.safeParse(raw);
    if (!parsed.success) {
      for (const { path, message } of parsed.error.issues) {
        problems.push(
          `endpoints[${i}]${path.map((key) => `.${String(key)}`).join('')}: ${message}`,
        );
      }
      return;
    }
    const { name, namespace, address, port, labels } = parsed.data;
    const id = endpointId(namespace, name, 0);
    if (endpoints.has(id)) {
      problems.push(`endpoints[${i}].name: ${namespace}/${name} is there already`);
      return;
    }
    endpoints.set(id, {
      id,
      namespace,
      name,
      rank: 0,
      address,
      port,
      hostPort: formatHostPort(address, port),
      labels,
    });
  });
  return { endpoints: [...endpoints.values()], problems };
}
