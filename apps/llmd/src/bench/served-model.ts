// SPDX-License-Identifier: Apache-2.0
import { request } from 'undici';
import { BenchError } from './bench-error.ts';

const TIMEOUT_MS = 10_000;

/** Id of the first model that the server at `url` (with or without `/v1`) lists. */
export async function servedModel(url: string, signal?: AbortSignal): Promise<string> {
  const models = `${url.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/models`;
  try {
    const { statusCode, body } = await request(models, {
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      ...(signal && { signal }),
    });
    const id = firstId(await body.json());
    if (statusCode === 200 && id !== undefined) return id;
    throw new Error(`status ${statusCode}, and no model in the answer`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BenchError('NO_MODEL', `${models} does not say which model to ask: ${reason}`, {
      cause,
    });
  }
}

function firstId(body: unknown): string | undefined {
  const models = field(body, 'data');
  const id = Array.isArray(models) ? field(models.at(0), 'id') : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** The value of an object's own field; undefined for what has none. */
const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
