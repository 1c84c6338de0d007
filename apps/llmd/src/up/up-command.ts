// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { parseEndpointsFile } from '@llm-d/endpoint-picker';
import { Option, type Command } from 'commander';
import pc from 'picocolors';
import { servedModel } from '../bench/index.ts';
import type { ChildState } from '../stack/child.ts';
import { startLocalStack, type LocalStack, type Programs } from '../stack/local-stack.ts';
import { policyArguments } from '../stack/policies.ts';
import { addSimulationFlags, numberFrom, SIMULATED_MODEL } from '../stack/simulation-flags.ts';
import { createScreen, type Output } from './screen.ts';
import { drawStack, lineOfStack } from './stack-table.ts';
import type { StackView } from './stack-view.ts';
import { watchStack } from './stack-watch.ts';
import { createTalkLimit } from './talk-limit.ts';
import { planOf, type UpFlags, type UpPlan } from './up-plan.ts';

export interface UpDeps {
  readonly programs: Programs;
  readonly clock: Clock;
  readonly output: Output;
  /** Aborts when the person wants to end. */
  readonly signal: AbortSignal;
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Buffer>;
  readonly readFile: (path: string) => Promise<string>;
}

/** Time between two plain lines where there is no terminal. */
const PLAIN_INTERVAL_MS = 10_000;

/** Adds `up`, which `start` runs: engines, a gateway, and a table that lives. */
export function registerUpCommand(program: Command, deps: UpDeps): void {
  const command = program
    .command('up')
    .description('start model servers (simulated unless given) and a gateway in front of them')
    .option('--host <address>', 'address that the gateway listens on', '127.0.0.1')
    .option('--port <number>', 'port of the gateway', numberFrom(0, { whole: true }), 8080)
    .option(
      '--engine-port <number>',
      'port of the first simulated engine',
      numberFrom(0, { whole: true }),
      9001,
    )
    .option(
      '--endpoint <url>',
      'a model server that runs already, instead of simulated ones (repeatable)',
      (url: string, before: readonly string[]) => [...before, url],
      [] as readonly string[],
    )
    .option('--endpoints-file <path>', 'file that lists such servers')
    .option('--model <name>', `model that the engines serve (default: "${SIMULATED_MODEL}")`)
    .option('--config <file>', 'EndpointPickerConfig of the gateway')
    .addOption(
      new Option(
        '--prefix <how>',
        'how it is known which server has which prompts cached: by the engines’ KV events, or from where prompts were sent (default: precise for simulated engines, approximate for others)',
      ).choices(['precise', 'approximate']),
    )
    .option('--nats <url>', 'have kv-relay bring KV events to this NATS, and the gateway read them')
    .option('--redis <url>', 'have kv-indexer mirror the index to this Redis; needs --nats')
    .option('--no-table', 'print plain lines, also on a terminal');
  addSimulationFlags(command, { engines: 4, timeScale: 1 }).action(async (flags: UpFlags) => {
    await up(flags, deps);
  });
}

/** Runs until the signal aborts; everything that was started is gone when it resolves. */
async function up(flags: UpFlags, deps: UpDeps): Promise<void> {
  const { output, clock, signal } = deps;
  const screen = createScreen(output);
  const plan = planOf(flags);
  const { fleet, events } = plan;
  const mayTalk = createTalkLimit(clock);
  const stack = await startLocalStack({
    programs: deps.programs,
    clock,
    fleet,
    events,
    gateway: {
      host: flags.host,
      port: flags.port,
      args: (endpoints) => gatewayArguments(plan, endpoints, { flags, deps }),
    },
    onState: (name, state) => {
      const news = newsOf(name, state);
      if (news !== undefined && !signal.aborted) screen.line(news);
    },
    onLine: (name, line) => {
      if (!signal.aborted && mayTalk(name, line)) screen.line(pc.dim(`${name}: ${line}`));
    },
  });
  try {
    greet(stack, {
      screen,
      model: flags.model ?? (fleet.kind === 'given' ? '<model>' : fleet.model),
    });
    await show(stack, { flags, deps, screen });
  } finally {
    await stack.stop();
  }
}

/** What makes the gateway route as planned. Rejects where nobody says which model the servers have. */
async function gatewayArguments(
  { fleet, policy, events }: UpPlan,
  endpoints: readonly string[],
  { flags, deps }: { readonly flags: UpFlags; readonly deps: UpDeps },
): Promise<readonly string[]> {
  if (policy !== 'precise') return policyArguments(policy, { renderUrls: [], model: '' });
  const renderUrls =
    fleet.kind === 'given' && fleet.endpointsFile !== undefined
      ? urlsOf(await deps.readFile(fleet.endpointsFile), fleet.endpointsFile)
      : endpoints;
  const [first] = renderUrls;
  const named = flags.model ?? (fleet.kind === 'simulated' ? fleet.model : undefined);
  const model = named ?? (first === undefined ? '' : await servedModel(first, deps.signal));
  return policyArguments(policy, { renderUrls, model, natsUrl: events?.natsUrl });
}

const urlsOf = (text: string, path: string): readonly string[] =>
  parseEndpointsFile(text, path).endpoints.map(({ hostPort }) => `http://${hostPort}`);

interface Show {
  readonly flags: UpFlags;
  readonly deps: UpDeps;
  readonly screen: ReturnType<typeof createScreen>;
}

/** Shows the stack until the signal aborts. */
async function show(stack: LocalStack, { flags, deps, screen }: Show): Promise<void> {
  const { signal, clock, fetch, output } = deps;
  const live = flags.table && output.isTTY === true;
  let before = '';
  const draw = (view: StackView): void => {
    if (live) {
      screen.block(drawStack(view));
      return;
    }
    const line = lineOfStack(view);
    // A log that says the same again and again hides what changes.
    if (line !== before) screen.line(line);
    before = line;
  };
  const watch = watchStack({
    gatewayUrl: stack.url,
    clock,
    fetch,
    programs: () =>
      stack.eventPrograms.map(({ name, state }) => ({ name, isUp: state.kind === 'ready' })),
    onView: draw,
    intervalMs: live ? 1000 : PLAIN_INTERVAL_MS,
  });
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
  watch.stop();
}

function greet(
  stack: LocalStack,
  { screen, model }: { readonly screen: Show['screen']; readonly model: string },
): void {
  const body = JSON.stringify({
    model,
    messages: [{ role: 'user', content: 'Hello!' }],
    stream: true,
  });
  screen.line(
    `${pc.green('ready')}  ${pc.bold(`${stack.url}/v1`)}  in front of ${stack.endpoints.length || 'listed'} model servers`,
  );
  screen.line(
    `try    curl -N ${stack.url}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`,
  );
  screen.line(`why    curl ${stack.url}/debug/decisions`);
  screen.line('end    Ctrl-C');
}

function newsOf(name: string, state: ChildState): string | undefined {
  switch (state.kind) {
    case 'starting':
      return undefined;
    case 'ready':
      return `${pc.green('up')}     ${name} ${state.urls.join(' ')}`;
    case 'died':
      return `${pc.red('died')}   ${name}: ${state.reason}`;
    case 'stopped':
      return undefined;
  }
}
