// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import type { Engine } from '@llm-d/engine-sim';
import { ApiError, unknownModel } from './api-error.ts';

/** A LoRA adapter that clients may name as model. */
export interface LoraModule {
  readonly name: string;
  readonly path: string;
}

export interface ServedModelsOptions {
  readonly engine: Engine;
  /** Where the base model comes from; `root` of its entry. */
  readonly model: string;
  /** Names under which the base model is served; at least one. */
  readonly servedNames: readonly string[];
  readonly loraModules: readonly LoraModule[];
}

/** Which names a server answers to: the base model's and those of loaded adapters. */
export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #loras = new Map<string, LoraModule>();

  constructor(options: ServedModelsOptions) {
    this.#options = options;
    for (const lora of options.loraModules) this.load(lora);
  }

  /** The name under which metrics go. */
  get primaryName(): string {
    return this.#options.servedNames[0] ?? this.#options.model;
  }

  /** Who answers a request for `model`. @throws ApiError 404 */
  resolve(model: string | undefined): { readonly name: string; readonly lora: string | undefined } {
    if (model === undefined || model === '') return { name: this.primaryName, lora: undefined };
    if (this.#options.servedNames.includes(model)) return { name: model, lora: undefined };
    if (this.#loras.has(model)) return { name: model, lora: model };
    throw unknownModel(model, [...this.#options.servedNames, ...this.#loras.keys()]);
  }

  /** @throws ApiError if the name is taken. */
  load(lora: LoraModule): void {
    if (this.#loras.has(lora.name) || this.#options.servedNames.includes(lora.name)) {
      const message =
        `The lora adapter '${lora.name}' has already been loaded. ` +
        "If you want to load the adapter in place, set 'load_inplace' to True.";
      throw new ApiError(400, message, { type: 'InvalidUserInput' });
    }
    this.#loras.set(lora.name, lora);
    this.#options.engine.loadLora(lora.name);
  }

  /** @throws ApiError if it is not loaded. */
  unload(name: string): void {
    if (!this.#loras.delete(name)) {
      const message = `The lora adapter '${name}' cannot be found.`;
      throw new ApiError(404, message, { type: 'NotFoundError' });
    }
    this.#options.engine.unloadLora(name);
  }

  /** The body of `/v1/models`. */
  list(createdSeconds: number): object {
    const { model, servedNames, engine } = this.#options;
    const base = servedNames.map((id) => ({
      id,
      root: model,
      parent: null,
      max_model_len: engine.config.maxModelLen,
    }));
    const adapters = [...this.#loras.values()].map(({ name, path }) => ({
      id: name,
      root: path,
      parent: this.primaryName,
      max_model_len: null,
    }));
    const data = [...base, ...adapters].map((entry) => ({
      id: entry.id,
      object: 'model',
      created: createdSeconds,
      owned_by: 'vllm',
      root: entry.root,
      parent: entry.parent,
      max_model_len: entry.max_model_len,
      permission: [permission(createdSeconds)],
    }));
    return { object: 'list', data };
  }
}

function permission(created: number): object {
  return {
    id: `modelperm-${randomBytes(8).toString('hex')}`,
    object: 'model_permission',
    created,
    allow_create_engine: false,
    allow_sampling: true,
    allow_logprobs: true,
    allow_search_indices: false,
    allow_view: true,
    allow_fine_tuning: false,
    organization: '*',
    group: null,
    is_blocking: false,
  };
}
