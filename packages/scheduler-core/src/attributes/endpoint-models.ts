// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';
import type { Endpoint } from '../endpoint.ts';

/** A model that a server says it serves. */
export interface ServedModel {
  readonly id: string;
  /** Of an adapter: the model that it adapts. */
  readonly parent?: string;
  readonly ownedBy?: string;
  /** Seconds since the Unix epoch. */
  readonly created?: number;
}

/** What each server last said that it serves. A live view. */
export interface EndpointModels {
  /** Undefined for a server that has not said anything. */
  of(endpoint: Endpoint): readonly ServedModel[] | undefined;
}

/** Producer: `models-data-extractor`. */
export const endpointModels = (producer = 'models-data-extractor'): Attribute<EndpointModels> =>
  attribute('EndpointModels', producer);
