// SPDX-License-Identifier: Apache-2.0
import { startProgram, type RunningProgram } from '@llm-d/test-kit';

/** Longest a test of whole programs may take; the machine may be busy with something else. */
export const TEST_TIMEOUT_MS = 120_000;

export interface StackOptions {
  /** Simulated engines. Default 2. */
  readonly engines?: number;
  /** Further flags of each. Default: eight times faster than real. */
  readonly engineArgs?: readonly string[];
  readonly gatewayArgs?: readonly string[];
}

/** A gateway in front of simulated engines, each a process of its own. Disposing of it kills all of them. */
export interface Stack extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly gateway: RunningProgram;
  readonly engines: readonly RunningProgram[];
}

/** Starts an engine of the model `sim-model`. */
export function startEngine(args: readonly string[] = [], port = 0): Promise<RunningProgram> {
  return startProgram({
    app: 'inference-sim',
    args: ['--port', String(port), '--model', 'sim-model', '--time-scale', '8', ...args],
  });
}

/** Starts a gateway in front of the servers at `urls`. */
export function startGateway(
  urls: readonly string[],
  args: readonly string[] = [],
): Promise<RunningProgram> {
  return startProgram({
    app: 'gateway',
    args: [
      '--port',
      '0',
      '--log-level',
      'error',
      ...urls.flatMap((url) => ['--endpoint', url]),
      ...args,
    ],
  });
}

/** Starts engines and a gateway in front of them, and resolves when it can route. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  await using started = new AsyncDisposableStack();
  const engines = await Promise.all(
    Array.from({ length: options.engines ?? 2 }, async (_, i) =>
      started.use(await startEngine(['--seed', String(i), ...(options.engineArgs ?? [])])),
    ),
  );
  const gateway = started.use(
    await startGateway(
      engines.map(({ url }) => url),
      options.gatewayArgs,
    ),
  );
  await untilReady(gateway.url);
  const all = started.move();
  return {
    url: gateway.url,
    port: portOf(gateway.url),
    gateway,
    engines,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The port of a URL that names one. */
export const portOf = (url: string): number => Number(new URL(url).port);

/** Resolves when the gateway at `url` says that it can route. */
export async function untilReady(url: string): Promise<void> {
  while ((await fetch(`${url}/readyz`)).status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** POSTs JSON, or text as it is. */
export function post(
  url: string,
  body: unknown,
  options: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...options.headers },
    ...(options.signal && { signal: options.signal }),
  });
}

/** A chat request that takes `tokens` steps of an engine. */
export const chat = (tokens: number, more: object = {}): object => ({
  model: 'sim-model',
  messages: [{ role: 'user', content: 'Tell me about gateways.' }],
  max_tokens: tokens,
  ignore_eos: true,
  ...more,
});
