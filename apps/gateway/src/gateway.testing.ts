// SPDX-License-Identifier: Apache-2.0
import { recordingLogger, type LogLine } from '@llm-d/telemetry/testing';
import { startGateway, type Gateway } from './app.ts';
import { gatewayCommand, type GatewayOptions } from './options.ts';

/** What a command line settles to; throws what it is refused with. */
export async function optionsOf(...args: readonly string[]): Promise<GatewayOptions> {
  let options: GatewayOptions | undefined;
  const command = gatewayCommand('0.0.0', (settled) => {
    options = settled;
    return Promise.resolve();
  });
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  await command.parseAsync(['node', 'gateway', ...args]);
  if (options === undefined) throw new Error('the command did not run');
  return options;
}

/** A gateway in this process, and what it logged. */
export type TestGateway = Gateway & AsyncDisposable & { readonly lines: readonly LogLine[] };

/** Starts a gateway on a free port in front of the servers at `urls` that ends with its scope. */
export async function startTestGateway(
  servers: readonly { readonly url: string }[],
  ...args: readonly string[]
): Promise<TestGateway> {
  const options = await optionsOf(
    ...['--port', '0', '--drain-timeout', '0'],
    ...servers.flatMap(({ url }) => ['--endpoint', url]),
    ...args,
  );
  const logger = recordingLogger();
  const gateway = await startGateway(options, logger);
  return {
    ...gateway,
    lines: logger.lines,
    [Symbol.asyncDispose]: () => gateway.close(),
  };
}

/** POSTs a chat request that ends with its connection's scope, as far as the caller reads it. */
export function ask(
  gateway: Pick<Gateway, 'url'>,
  {
    body = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] },
    headers = {},
    signal,
  }: {
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
    ...(signal && { signal }),
  });
}
