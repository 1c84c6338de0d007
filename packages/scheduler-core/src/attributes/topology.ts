// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';
import type { Endpoint } from '../endpoint.ts';

/** Where a server stands, as far as that is known. */
export interface Topology {
  readonly host?: string;
  readonly rack?: string;
  readonly zone?: string;
  readonly region?: string;
}

/** How close two servers are, closest first. */
export const PROXIMITIES = ['host', 'rack', 'zone', 'region'] as const;
export type Proximity = (typeof PROXIMITIES)[number];

/** Where each endpoint stands. */
export interface EndpointTopology {
  of(endpoint: Endpoint): Topology | undefined;
}

/** Producer: `topology-extractor`. */
export const endpointTopology = (producer = 'topology-extractor'): Attribute<EndpointTopology> =>
  attribute('EndpointTopology', producer);

/** The endpoint that an earlier stage of the same request chose; set by the profile handler. */
export const peerEndpoint: Attribute<Endpoint> = attribute('PeerEndpoint', 'profile-handler');

/** The closest thing that both have in common; undefined where there is none. */
export const proximityOf = (a: Topology, b: Topology): Proximity | undefined =>
  PROXIMITIES.find((level) => a[level] !== undefined && a[level] !== '' && a[level] === b[level]);
