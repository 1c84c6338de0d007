// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Identity } from './certificates.ts';

/** What the API server said; the body is parsed where it is JSON and its text otherwise. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

const ESTABLISH_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** The least that a test needs to talk to an API server without the code under test. */
export interface ApiAccess extends Disposable {
  readonly ask: (method: string, path: string, body?: object) => Promise<ApiAnswer>;
  /** Creates CustomResourceDefinitions and resolves when all are served. Rejects where one is refused. */
  readonly install: (crds: readonly object[]) => Promise<void>;
}

/** Access as the owner of a client certificate, over connections that are kept. */
export function createApiAccess(options: {
  readonly url: string;
  readonly ca: string;
  readonly identity: Identity;
}): ApiAccess {
  const { url, ca, identity } = options;
  const agent = new Agent({ keepAlive: true, ca, cert: identity.cert, key: identity.key });
  const ask = async (method: string, path: string, body?: object): Promise<ApiAnswer> => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const sent = request(url + path, { method, agent, headers, timeout: REQUEST_TIMEOUT_MS });
      sent.on('response', resolve).on('error', reject);
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path} got no answer`)));
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
    return { status: response.statusCode ?? 0, body: parsed(await text(response)) };
  };
  return {
    ask,
    install: async (crds) => {
      await Promise.all(crds.map((crd) => install(ask, crd)));
    },
    [Symbol.dispose]: () => {
      agent.destroy();
    },
  };
}

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

async function install(ask: ApiAccess['ask'], crd: object): Promise<void> {
  const created = await ask('POST', CRDS, crd);
  if (created.status !== 201) throw new Error(`a CRD was refused: ${JSON.stringify(created.body)}`);
  const { metadata, spec } = created.body as Crd;
  await until(`${metadata.name} is established`, async () => {
    const { body } = await ask('GET', `${CRDS}/${metadata.name}`);
    const conditions = (body as Crd).status?.conditions ?? [];
    return conditions.some(({ type, status }) => type === 'Established' && status === 'True');
  });
  const served = spec.versions.find((version) => version.served)?.name ?? '';
  // The first request makes the server build its cache of them; until then it answers 429.
  await until(`${metadata.name} is served`, async () => {
    const path = `/apis/${spec.group}/${served}/${spec.names.plural}?limit=1`;
    return (await ask('GET', path)).status === 200;
  });
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = systemClock.nowMs() + ESTABLISH_TIMEOUT_MS;
  while (!(await isSo())) {
    if (systemClock.nowMs() > deadlineMs) throw new Error(`it was waited in vain until ${what}`);
    await new Promise<void>((resolve) => systemClock.schedule(20, resolve));
  }
}

/** The fields of a CustomResourceDefinition that are read here; the API server vouches for them. */
interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
  };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
};
