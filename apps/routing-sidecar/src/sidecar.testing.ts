// SPDX-License-Identifier: Apache-2.0
import { recordingLogger, type LogLine } from '@llm-d/telemetry/testing';
import { readExposition } from '@llm-d/test-kit';
import { startSidecar, type Sidecar } from './app.ts';
import { readCommand, type Environment, type SidecarOptions } from './options.ts';

/** What a command line settles to; throws what it is refused with. */
export function optionsOf(args: readonly string[], environment: Environment = {}): SidecarOptions {
  const command = readCommand(args, { environment });
  if (command.kind !== 'run') throw new Error('the command line asks for something else');
  return command.options;
}

/** A sidecar in this process, without TLS unless it is asked for, and what it says of itself. */
export interface TestSidecar extends Sidecar, AsyncDisposable {
  readonly url: string;
  readonly lines: readonly LogLine[];
  /** The debug line of the request that ended last. */
  readonly lastRequest: LogLine['fields'] | undefined;
  /** Sum of a metric's series whose labels include these. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

/** Starts a sidecar on a free port beside a decode server. It ends with its scope. */
export async function startTestSidecar(
  decode: { readonly port: number },
  args: readonly string[] = [],
  environment: Environment = {},
): Promise<TestSidecar> {
  const fixed = ['--port=0', '--bind-address=127.0.0.1', `--model-server-port=${decode.port}`];
  const limit = args.some((arg) => arg.startsWith('--drain')) ? [] : ['--drain-timeout=0s'];
  const plain = args.some((arg) => arg.startsWith('--secure')) ? [] : ['--secure-serving=false'];
  const options = optionsOf([...fixed, ...plain, ...limit, ...args], environment);
  const logger = recordingLogger();
  const sidecar = await startSidecar({ ...options, metricsPort: 0 }, logger);
  const scheme = sidecar.secure ? 'https' : 'http';
  return {
    ...sidecar,
    url: `${scheme}://127.0.0.1:${sidecar.ports[0] ?? 0}`,
    lines: logger.lines,
    get lastRequest() {
      return logger.lines.findLast(({ message }) => message === 'request')?.fields;
    },
    metric: async (name, labels = {}) => {
      const metrics = await readExposition(`http://127.0.0.1:${sidecar.metricsPort ?? 0}`);
      return metrics.sum(`llm_d_routing_sidecar_${name}`, labels);
    },
    [Symbol.asyncDispose]: () => sidecar.close(),
  };
}

export interface AskOptions {
  readonly path?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A chat request as clients send it. */
export const chat = {
  model: 'test-model',
  messages: [{ role: 'user', content: 'Hi' }],
  max_tokens: 9,
};

/** POSTs a chat request, or what options say. */
export function ask(
  { url }: { readonly url: string },
  { path = '/v1/chat/completions', body = chat, headers = {}, signal }: AskOptions = {},
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    body:
      typeof body === 'string' || body instanceof Uint8Array
        ? (body as string)
        : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
    ...(signal && { signal }),
  });
}

/** The header that names prefillers. */
export const via = (...servers: readonly { readonly port: number }[]): Record<string, string> => ({
  'x-prefiller-host-port': servers.map(({ port }) => `127.0.0.1:${port}`).join(','),
});

/** What a NIXL prefiller names, as its answer has it. */
export const transferParams =
  '{"do_remote_prefill":true,"remote_block_ids":[[1,2]],"remote_engine_id":"e","big":12345678901234567890}';

/** A prefiller's answer. */
export const prefillAnswer = (cachedTokens: number | null = 7): string =>
  `{"id":"p","choices":[],"usage":{"prompt_tokens":9,"prompt_tokens_details":${
    cachedTokens === null ? 'null' : `{"cached_tokens":${cachedTokens}}`
  }},"kv_transfer_params":${transferParams}}`;
