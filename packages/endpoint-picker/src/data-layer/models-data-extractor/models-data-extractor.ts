// SPDX-License-Identifier: Apache-2.0
import { readModelList, type ModelEntry } from '@llm-d/inference-api';
import {
  definePlugin,
  endpointModels,
  type EndpointModels,
  type ServedModel,
} from '@llm-d/scheduler-core';
import * as z from 'zod';

/** An answer that is no list of models. */
export class ModelListError extends Error {
  readonly code = 'MODEL_LIST';
  readonly endpoint: string;
  constructor(endpoint: string) {
    super(`${endpoint} did not answer with a list of models`);
    this.name = 'ModelListError';
    this.endpoint = endpoint;
  }
}

/** Keeps what each server says that it serves. */
export const modelsDataExtractor = definePlugin({
  type: 'models-data-extractor',
  summary: 'Keeps which models and adapters each server says that it serves.',
  stability: 'beta',
  points: ['extractor', 'data-producer'],
  parameters: z.strictObject({}),
  produces: (_, name) => [endpointModels(name)],
  create: (_, { name }) => {
    const output = endpointModels(name);
    const known: (readonly ServedModel[] | undefined)[] = [];
    const view: EndpointModels = { of: ({ slot }) => known[slot] };
    return {
      extractor: {
        extract: (endpoint, answer) => {
          const models = readModelList(answer);
          if (models.length === 0) throw new ModelListError(endpoint.id);
          known[endpoint.slot] = models.map(servedModel);
          return undefined;
        },
      },
      producer: {
        produce: (_cycle, _candidates, { attributes }) => {
          attributes.set(output, view);
        },
        publish: (attributes) => {
          attributes.set(output, view);
        },
      },
      endpoints: {
        endpointRemoved: ({ slot }) => {
          known[slot] = undefined;
        },
      },
    };
  },
});

function servedModel({ id, parent, owned_by: ownedBy, created }: ModelEntry): ServedModel {
  return {
    id,
    ...(typeof parent === 'string' && { parent }),
    ...(typeof ownedBy === 'string' && { ownedBy }),
    ...(typeof created === 'number' && { created }),
  };
}
