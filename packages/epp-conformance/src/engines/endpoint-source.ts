// SPDX-License-Identifier: Apache-2.0
import { rename, writeFile } from 'node:fs/promises';

/** One place that requests can be sent to. */
export interface FleetEndpoint {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** An endpoint as proxies write it. */
export const hostPort = ({ address, port }: Pick<FleetEndpoint, 'address' | 'port'>): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

/**
 * Tells the endpoint picker which endpoints there are. A file is one way; objects of an API server that it watches are
 * another.
 */
export interface EndpointSource {
  /** Makes these the endpoints, and no others. Resolves when it has been said, not when it has been heard. */
  publish(endpoints: readonly FleetEndpoint[]): Promise<void>;
}

/** Tells them in a file of llm-d's `file-discovery`. The file is replaced as a whole, so that nobody reads half of it. */
export function fileEndpointSource(path: string): EndpointSource {
  return {
    publish: async (endpoints) => {
      await writeFile(`${path}.next`, endpointsFileText(endpoints));
      await rename(`${path}.next`, path);
    },
  };
}

/** The file's text. Ports are texts there. */
export const endpointsFileText = (endpoints: readonly FleetEndpoint[]): string =>
  JSON.stringify({
    endpoints: endpoints.map(({ name, address, port }) => ({
      name,
      address,
      port: String(port),
      labels: {},
    })),
  });
