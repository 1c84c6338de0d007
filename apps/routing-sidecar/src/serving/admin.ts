// SPDX-License-Identifier: Apache-2.0
import type { PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface AdminParts {
  readonly metrics: PrometheusMetrics;
  /** Why requests with prefillers cannot be served; undefined where they can. */
  readonly notReady: () => string | undefined;
}

/** The sidecar's own port: `/metrics`, `/healthz`, `/readyz`. The decode server's are on the port beside it. */
export function createAdmin({ metrics, notReady }: AdminParts) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const [path] = (request.url ?? '/').split('?');
    if (request.method !== 'GET') {
      answer(response, { status: 405, text: 'only GET\n' });
      return;
    }
    switch (path) {
      case '/metrics':
        void metrics.expose().then((text) => {
          answer(response, { status: 200, text, type: metrics.contentType });
        });
        return;
      case '/healthz':
        answer(response, { status: 200, text: 'ok\n' });
        return;
      case '/readyz': {
        const problem = notReady();
        answer(
          response,
          problem === undefined
            ? { status: 200, text: 'ok\n' }
            : { status: 503, text: `${problem}\n` },
        );
        return;
      }
      default:
        answer(response, { status: 404, text: 'not found\n' });
    }
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

function answer(
  response: ServerResponse,
  { status, text, type = 'text/plain; charset=utf-8' }: Answer,
): void {
  response.writeHead(status, { 'content-type': type });
  response.end(text);
}
